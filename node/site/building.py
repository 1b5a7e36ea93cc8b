"""Building a public site: what is public is gathered, copied and written, step by step. Synchronous."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from node.contacts.queries import ContactsQueries
from node.errors import BadRequest
from node.looking import Json, Look
from node.quoting import quoted
from node.site.copying import Copying
from node.site.folder import Folder, check, written_aside
from node.site.gathering import Gathering, Wish
from node.site.pages import Press
from node.store_faults import told_plainly

PROGRESS_STEPS: Final = 50
"""Pages or files between two lines of progress."""


class SiteQueries:
    """Builds the public site of an open home."""

    def __init__(self, look: Look, contacts: ContactsQueries) -> None:
        self._look = look
        self._gathering = Gathering(look, contacts)

    def build(self, out: str, wish: Wish) -> Iterator[Json]:
        """Write a site to the folder `out` (an absolute path): progress, and a result at the end.

        Raises: as `node.site.folder.written_aside` and `Gathering.site`; nothing was changed then.
        """
        target = Path(out)
        if not target.is_absolute():
            raise BadRequest(f"{quoted(out)} is no absolute path.", "Give the whole path of the folder.")
        with told_plainly():
            check(target)
            site = self._gathering.site(wish)
        with written_aside(target) as folder:
            copying = Copying(self._look.home.blobs, folder)
            with told_plainly():
                for done, _ in enumerate(copying.steps(site), 1):
                    if done % PROGRESS_STEPS == 0:
                        yield _progress(done, 0)
            copied = len(folder.written)
            press = Press(site, copying.copies)
            total = copied + press.count
            for done, (path, data) in enumerate(press.pages(), copied + 1):
                folder.write(path, data)
                if done % PROGRESS_STEPS == 0:
                    yield _progress(done, max(done, total))
            result = self._result(folder, copied)
        yield {
            **result,
            "out": str(target),
            "languages": list(site.languages),
            "sections": len(site.sections),
            "members": len(site.members),
            "documents": len(site.documents),
            "posts": len(site.posts),
        }

    def _result(self, folder: Folder, copied: int) -> Json:
        return {"event": "result", "files": len(folder.written), "copied": copied}


def _progress(done: int, total: int) -> Json:
    """`total`: 0 where it is not known yet."""
    return {"event": "progress", "done": done, "total": total}
