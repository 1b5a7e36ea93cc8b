"""1,000 simulated nodes through a day of churn and a partition, 20 seeds: does everybody end up equal?

    python benchmarks/sim.py [--nodes 1000] [--hours 24] [--seeds 20] [--jobs 2]

Last line: one JSON object. `converged`: in every seed all nodes were equal within three sync rounds after
the churn ended. `last_delivery_hops` and `redundancy` are means over the seeds.
"""

import argparse
import json
import multiprocessing
import time
from dataclasses import asdict
from functools import partial

from gossip.scenario import Outcome, Plan, run_day


def main() -> None:
    """Run the seeds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    plan = Plan(nodes=given.nodes, hubs=max(1, given.nodes // 50), hours=given.hours)
    started = time.perf_counter()
    outcomes: list[Outcome] = []
    with multiprocessing.Pool(given.jobs) as pool:
        for outcome in pool.imap(partial(run_day, plan=plan), range(given.seeds)):
            print(json.dumps(asdict(outcome)), flush=True)
            outcomes.append(outcome)
    figures = {
        "converged": all(outcome.converged for outcome in outcomes),
        "rounds_max": max(outcome.rounds for outcome in outcomes),
        "last_delivery_hops": round(sum(o.last_delivery_hops for o in outcomes) / len(outcomes), 2),
        "redundancy": round(sum(o.redundancy for o in outcomes) / len(outcomes), 2),
        "wall_s": round(time.perf_counter() - started, 1),
        "nodes": given.nodes,
        "hours": given.hours,
        "seeds": given.seeds,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
