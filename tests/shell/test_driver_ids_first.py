"""Who is carried follows from `id` logs: with `ids_first` nothing is sent in vain to who joins."""

from gossip.proto.context import Tuning
from store.ids import LOG_FEED, LOG_ID
from store.log import LogId


def learns_from_id_logs(station):
    """Carry other logs of those only whose `id` log is held, as a roster makes it so."""
    whole = station.carried.last_carried

    def last_carried(log_id):
        known = station.ledger.state(LogId(log_id.author, LOG_ID)).head is not None
        return whole(log_id) if known or log_id.log == LOG_ID else 0

    station.carried.last_carried = last_carried


async def test_a_newcomer_gets_everything_in_one_go(autojump_clock, lab):
    hub = await lab.station("hub", tuning=Tuning(ids_first=True))
    hub.keeper.publish(hub.person.write([16, "I am"], LOG_ID))
    for number in range(300):
        hub.post(f"post {number}")
    new = await lab.station("new", tuning=Tuning(ids_first=True), arrange=learns_from_id_logs)
    new.know(hub)
    await lab.wait_until(lambda: bool(new.reports))
    [report] = new.reports
    assert report.ended.complete
    assert (report.ended.entries_received, new.count) == (300, 301)
    assert new.ledger.state(LogId(hub.device, LOG_FEED)).head.seq == 300
    assert new.digest == hub.digest
