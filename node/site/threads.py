"""Public messages as conversations: what answers what, as far as it is public. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from node.site.content import Post

MAX_DEPTH: Final = 4
"""How far answers are set in; deeper ones stand at this depth."""


class Answer(NamedTuple):
    """A message in a conversation."""

    post: Post
    depth: int
    """From 1 on."""


class Thread(NamedTuple):
    """A public message that answers no public one, and all that follows it."""

    root: Post
    answers: tuple[Answer, ...]
    """Each after what it answers, and before what came later beside that."""


def threads_of(posts: Sequence[Post]) -> list[Thread]:
    """The conversations in messages of which none stands before what it answers."""
    known = {post.id for post in posts}
    children: dict[bytes, list[Post]] = {}
    roots = []
    for post in posts:
        if post.parent is not None and post.parent in known:
            children.setdefault(post.parent, []).append(post)
        else:
            roots.append(post)
    return [Thread(root, _answers(root, children)) for root in roots]


def _answers(root: Post, children: dict[bytes, list[Post]]) -> tuple[Answer, ...]:
    found: list[Answer] = []
    waiting = [Answer(post, 1) for post in reversed(children.get(root.id, ()))]
    while waiting:
        answer = waiting.pop()
        found.append(answer)
        depth = min(MAX_DEPTH, answer.depth + 1)
        waiting += [Answer(post, depth) for post in reversed(children.get(answer.post.id, ()))]
    return tuple(found)
