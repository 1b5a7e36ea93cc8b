"""Messages of conversations as they are shown in a terminal, and how far they got in words."""

from typing import Final

from cli.markdown import draw
from cli.render import Part, Screen, Styled, count_of, show_bytes, show_time
from cli.session import Json

SHORT: Final = 10
"""Characters of an id that are shown: enough to type."""

INDENT: Final = "    "

_GONE: Final = {
    "unsent": "deleted by its author",
    "deleted": "deleted here",
    "expired": "disappeared",
}


def show_message(screen: Screen, message: Json, *, flush: bool = False, with_chat: bool = False) -> None:
    """One message, or one line of what happened. `with_chat`: say in which conversation."""
    where: list[Part] = [Styled(f"  in {message['chat']}", "dim")] if with_chat else []
    if message["kind"] == "notice":
        when = Styled(f"  {show_time(message['time_ms'])}", "dim")
        screen.say(Styled("· ", "dim"), Styled(message["text"], "dim"), when, *where, flush=flush)
        return
    screen.say(*_head(message), *where, flush=flush)
    if message["gone"]:
        screen.say(INDENT, Styled(f"({_GONE[message['gone']]})", "dim"), flush=flush)
        return
    if message["answers"]:
        quoted = message["answers"]
        screen.say(
            INDENT, Styled("> ", "dim"), Styled(quoted["name"], "dim"), ": ", quoted["text"], flush=flush
        )
    _show_text(screen, message["text"], flush)
    for each in message["attachments"]:
        size = f" ({show_bytes(each['size'])})"
        how = Styled(f"{size}: aster chat save {message['id'][:SHORT]}", "dim")
        screen.say(INDENT, Styled("file: ", "dim"), each["name"], how, flush=flush)
    if message["delivery"] is not None and message["delivery"]["why"]:
        screen.say(INDENT, Styled(message["delivery"]["why"], "yellow"), flush=flush)


def _head(message: Json) -> list[Part]:
    head: list[Part] = [
        Styled(message["name"], "bold"),
        Styled(f"  {show_time(message['time_ms'])}", "dim"),
        "  ",
        Styled(message["id"][:SHORT], "dim"),
    ]
    if message["reply_to"] and not message["answers"]:
        head.append(Styled(f"  answers {message['reply_to'][:SHORT]}", "dim"))
    if message["unread"]:
        head.append(Styled("  new", "yellow"))
    if message["expires_ms"]:
        head.append(Styled(f"  disappears {show_time(message['expires_ms'])}", "dim"))
    if message["mine"]:
        head.append(Styled(f"  {in_words(message)}", "dim"))
    return head


def _show_text(screen: Screen, text: str, flush: bool) -> None:
    if not text:
        return
    width = None if screen.width is None else screen.width - len(INDENT)
    for line in draw(text, width, screen.coloured, {}):
        screen.verse(INDENT + line.indent, line.parts, flush=flush)


def in_words(message: Json) -> str:
    """How far an own message has got."""
    delivery = message["delivery"]
    if delivery is None:
        return f"sent from {message['device_name'] or 'another device'}"
    people = delivery["people"]
    match delivery["state"]:
        case "queued":
            return "queued"
        case "failed":
            return "failed"
        case "read":
            return "read"
    if delivery["read_by"]:
        return f"read by {delivery['read_by']} of {count_of(people, 'member')}"
    if delivery["state"] == "delivered":
        return "delivered"
    if delivery["delivered_to"]:
        return f"delivered to {delivery['delivered_to']} of {count_of(people, 'member')}"
    if delivery["state"] == "hub":
        return "on a hub" if delivery["hubs"] == 1 else f"on {count_of(delivery['hubs'], 'hub')}"
    return f"sent to {count_of(delivery['peers'], 'peer')}" if delivery["peers"] else "sent"
