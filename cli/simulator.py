"""`aster sim`: a day of a simulated network. Needs no home and touches no network."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from cli.options import AsJson, Quiet
from cli.render import Screen, Styled, count_of

EXIT_NOT_EQUAL = 1
"""The nodes did not come to hold the same: the protocol has failed what it is for."""


def sim(
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same history.")] = 1,
    nodes: Annotated[
        int, typer.Option(min=2, max=5_000, help="How many, of which one in twenty is a hub.")
    ] = 100,
    hours: Annotated[float, typer.Option(min=0.1, max=1_000, help="Virtual hours of churn.")] = 24.0,
    posts: Annotated[int, typer.Option(min=0, max=1_000_000, help="Messages published in that time.")] = 100,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Simulate a network of many nodes on virtual time.

    Nodes come and go, the network is split in half for some hours, everybody publishes; at the end all are
    on and it is seen whether they hold the same after three rounds of sync. The protocol is the real one.
    Ends with exit code 1 where they do not.

    Examples:
    aster sim
    aster sim --nodes 300 --hours 48 --seed 7
    """
    from gossip.scenario import Plan, run_day

    screen = Screen(as_json, quiet)
    screen.note(f"Simulating {nodes:,} nodes over {hours:g} hours …")
    begun = time.monotonic()
    outcome = run_day(seed, Plan(nodes=nodes, hubs=max(1, nodes // 20), hours=hours, posts=posts))
    took_s = time.monotonic() - begun
    if as_json:
        screen.emit({**asdict(outcome), "wall_s": round(took_s, 2)})
    else:
        verdict = (
            Styled("all nodes hold the same", "green")
            if outcome.converged
            else Styled(f"{outcome.unequal:,} nodes hold something else", "red")
        )
        screen.say(verdict, f" after {count_of(outcome.rounds, 'round')} of sync")
        screen.say(
            f"{count_of(outcome.entries, 'entry')}, {outcome.last_delivery_hops} hops to the last node, "
            f"{outcome.redundancy} receptions for nothing per useful one"
        )
        screen.say(
            f"{count_of(outcome.sessions, 'session')}, {count_of(outcome.events, 'event')}, {took_s:.1f} s"
        )
    return 0 if outcome.converged else EXIT_NOT_EQUAL
