"""The table of verbs: what `aster --help` is made from.

A verb is a function with Typer's annotations; its docstring is its help, and what follows a line
``Examples:`` is printed as it stands. `cli.commands` builds commands from this table.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Verb(NamedTuple):
    """One verb: where its function is, and what it does in one line."""

    module: str
    function: str
    summary: str


class Group(NamedTuple):
    """Verbs that belong together."""

    summary: str
    verbs: Mapping[str, Verb]


Table = Mapping[str, Verb | Group]

VERBS: Final[Table] = {
    "init": Verb("cli.home", "init", "Make a home: a device key, and a new network or a place in one."),
    "federation": Group(
        "A network of sections of equal standing.",
        {
            "found": Verb("cli.federation", "found", "Found a federation with its first section."),
            "show": Verb("cli.federation", "show", "Show what the federation's charter says."),
        },
    ),
    "join": Verb("cli.join", "join", "Become a member of a federation with an invite."),
    "recover": Verb("cli.recover", "recover", "Replace a lost device, with your 24 words."),
    "words": Verb("cli.join", "make_words", "Make 24 new words, and print which member they make."),
    "run": Verb("cli.run", "run", "Run the daemon: connect to peers and keep in step with them."),
    "status": Verb("cli.status", "status", "Show this device, its network, its peers and what it holds."),
    "stop": Verb("cli.status", "stop", "End the daemon in good order."),
    "lock": Verb("cli.lock", "lock", "Close the keys on this device: end the daemon at once."),
    "passphrase": Verb("cli.lock", "passphrase", "Set or change the passphrase of this home."),
    "wipe": Verb("cli.lock", "wipe", "Destroy the keys and everything of this home, for ever."),
    "peer": Group(
        "Say who is let in, and where they are.",
        {
            "add": Verb("cli.peers", "add", "Let a device in, as a peer and as an author."),
            "list": Verb("cli.peers", "list_peers", "List the devices that are let in."),
            "remove": Verb("cli.peers", "remove", "Let a device in no longer."),
        },
    ),
    "device": Group(
        "The machines of one member.",
        {
            "link": Verb("cli.devices", "link", "Make a home here with a further device of yours."),
            "list": Verb("cli.devices", "list_devices", "List your devices, or those of another member."),
            "code": Verb("cli.devices", "code", "Print the code with which your next device gets in."),
            "revoke": Verb("cli.devices", "revoke", "Revoke devices that are lost or given away."),
        },
    ),
    "section": Group(
        "The parts of a federation.",
        {
            "list": Verb("cli.sections", "list_sections", "List the sections, and those that wait."),
            "show": Verb("cli.sections", "show", "Show a section: stewards, members, hubs."),
            "invite": Verb("cli.sections", "invite", "Make a code with which a new section begins."),
            "endorse": Verb("cli.sections", "endorse", "Endorse a new section for yours."),
            "change": Verb("cli.sections", "change", "Change your section's name, territory or languages."),
            "join": Verb("cli.join", "join_section", "Begin a new section with an invite for one."),
            "draft": Verb("cli.join", "draft", "Draft a founding section, for whoever founds."),
        },
    ),
    "steward": Group(
        "Who acts for a section, and what stewards decide together.",
        {
            "list": Verb("cli.stewards", "list_stewards", "List the stewards of a section."),
            "add": Verb("cli.stewards", "add", "Make a member a steward."),
            "retire": Verb("cli.stewards", "retire", "Retire a steward."),
            "threshold": Verb("cli.stewards", "set_threshold", "Change how many act together."),
            "pending": Verb("cli.stewards", "pending", "List what waits for consents."),
            "consent": Verb("cli.stewards", "consent", "Consent to what another steward proposed."),
        },
    ),
    "invite": Group(
        "Codes with which members join.",
        {
            "create": Verb("cli.invites", "create", "Make a code with which members join."),
            "list": Verb("cli.invites", "list_invites", "List the invites, and who used them."),
            "revoke": Verb("cli.invites", "revoke", "Close an invite."),
        },
    ),
    "member": Group(
        "The people of a federation.",
        {
            "list": Verb("cli.members", "list_members", "List the members."),
            "admit": Verb("cli.members", "admit", "Admit somebody by hand."),
            "end": Verb("cli.members", "end", "End a membership in your section."),
            "replace": Verb("cli.members", "replace", "Give a member a new root: words lost or leaked."),
        },
    ),
    "whois": Verb("cli.members", "whois", "Say who somebody is; compare safety numbers."),
    "petname": Verb("cli.members", "petname", "Call a member by a name of your own."),
    "profile": Group(
        "What you say about yourself, or as a steward about your section.",
        {
            "show": Verb("cli.profile", "show", "Show what your profile says, and who may see what."),
            "set": Verb(
                "cli.profile", "change", "Say something: name, languages, contacts, picture, a text."
            ),
            "unset": Verb("cli.profile", "unset", "Take fields out of it."),
        },
    ),
    "directory": Group(
        "Members and sections, as they describe themselves.",
        {
            "list": Verb("cli.directory", "list_directory", "List sections and members."),
            "show": Verb("cli.directory", "show", "Show what somebody, or a section, says of itself."),
            "search": Verb("cli.directory", "search", "Find somebody by words."),
            "export": Verb("cli.directory", "export", "Print it for other programs: JSON lines or CSV."),
        },
    ),
    "site": Group(
        "A public site from what is public.",
        {"build": Verb("cli.site", "build", "Write the site to a folder.")},
    ),
    "roster": Verb("cli.roster", "roster", "Show every section with its members, now or as it was."),
    "interest": Group(
        "What this node carries of all that there is.",
        {
            "show": Verb("cli.interest", "show", "Show what this node and others carry."),
            "set": Verb("cli.interest", "choose", "Choose by section, purpose and age."),
        },
    ),
    "network": Group(
        "The network that this home belongs to.",
        {
            "export": Verb("cli.home", "export", "Print the network file, with which others join."),
            "show": Verb("cli.home", "show", "Show the network's name and id."),
        },
    ),
    "post": Verb("cli.feed", "post", "Publish a message."),
    "read": Verb("cli.timeline", "timeline", "Read messages: the newest, or those that fit."),
    "timeline": Verb("cli.timeline", "timeline", "The same as read, by its longer name."),
    "thread": Verb("cli.timeline", "thread", "Show a thread: who answered what."),
    "inbox": Verb("cli.timeline", "inbox", "Show what is addressed to you: mentions and answers."),
    "search": Verb("cli.search", "search", "Search messages, documents, files and profiles."),
    "react": Verb("cli.social", "react", "React to a message with a sign, or take it back."),
    "correct": Verb("cli.social", "correct", "Put another text in the place of a message of yours."),
    "history": Verb("cli.timeline", "history", "Show every text that a message ever had."),
    "translate": Verb("cli.social", "translate", "Translate a message for those who read another language."),
    "topics": Verb("cli.social", "topics", "List the topics that people write about."),
    "follow": Verb("cli.social", "follow", "Follow a person, a section or a topic."),
    "unfollow": Verb("cli.social", "unfollow", "Follow no longer."),
    "mute": Verb("cli.social", "mute", "Leave a person, a section or a topic out of timelines."),
    "unmute": Verb("cli.social", "unmute", "Mute no longer."),
    "block": Verb("cli.social", "block", "Show nothing of a person or a section any more."),
    "unblock": Verb("cli.social", "unblock", "Block no longer."),
    "choices": Verb("cli.social", "choices", "List whom and what you follow, mute and block."),
    "chat": Group(
        "Messages between members that nobody else can read.",
        {
            "send": Verb("cli.chat", "send", "Send a message to a member or a group."),
            "read": Verb("cli.chat_reading", "read", "Read a conversation."),
            "list": Verb("cli.chat_reading", "list_chats", "List your conversations, and what is new."),
            "show": Verb("cli.chat_reading", "show", "Show a message, and which devices have it."),
            "search": Verb("cli.chat_reading", "search", "Search your conversations."),
            "wait": Verb("cli.chat", "wait", "Wait until a message has got so far."),
            "save": Verb("cli.chat_files", "save", "Save the files that came with a message."),
            "delete": Verb("cli.chat", "delete", "Delete messages here, or for everyone."),
            "verify": Verb("cli.chat_verifying", "verify", "Compare the safety number with a member."),
            "requests": Verb("cli.chat_reading", "requests", "List what strangers wrote to you."),
            "accept": Verb("cli.chat", "accept", "Accept what a stranger wrote."),
            "block": Verb("cli.chat", "block", "Be shown nothing of a member any more."),
            "unblock": Verb("cli.chat", "unblock", "Block a member no longer."),
            "receipts": Verb("cli.chat", "receipts", "Let others know what you have read, or not."),
            "export": Verb("cli.chat_files", "export", "Write your messages into a file, for safe keeping."),
            "import": Verb("cli.chat_files", "import_", "Read messages in from such a file."),
            "history": Verb("cli.chat_files", "history", "Let a new device of yours have what was said."),
        },
    ),
    "hook": Verb("cli.hook", "hook", "Run a program for each message that comes."),
    "group": Group(
        "Conversations of several members.",
        {
            "create": Verb("cli.groups", "create", "Make a group."),
            "invite": Verb("cli.groups", "invite", "Take members into a group."),
            "remove": Verb("cli.groups", "remove", "Remove a member from a group."),
            "leave": Verb("cli.groups", "leave", "Leave a group."),
            "rename": Verb("cli.groups", "rename", "Give a group another name."),
            "promote": Verb("cli.groups", "promote", "Make a member an admin of a group."),
            "members": Verb("cli.groups", "members", "List who takes part in a group."),
            "list": Verb("cli.groups", "list_groups", "List your groups."),
        },
    ),
    "doc": Group(
        "Documents: texts with versions, of which none is ever lost.",
        {
            "put": Verb("cli.documents", "put", "Publish a document, or its next version."),
            "edit": Verb("cli.documents_editing", "edit", "Change a document in your editor."),
            "list": Verb("cli.documents", "list_documents", "List the documents."),
            "show": Verb("cli.documents", "show", "Print a document."),
            "history": Verb("cli.documents_history", "history", "List a document's versions."),
            "diff": Verb("cli.documents_history", "diff", "Show what changed between two versions."),
            "blame": Verb("cli.documents_history", "blame", "Show who wrote which line."),
            "merge": Verb("cli.documents_editing", "merge", "Make one of several current versions."),
            "export": Verb("cli.documents_export", "export", "Write documents to a file or folder."),
            "translate": Verb("cli.documents_translating", "translate", "Translate a document."),
            "status": Verb("cli.documents_translating", "status", "Show what of it is translated."),
        },
    ),
    "file": Group(
        "Files and folders that are shared.",
        {
            "add": Verb("cli.files", "add", "Share a file or a folder."),
            "list": Verb("cli.files", "list_files", "List what is shared."),
            "show": Verb("cli.files", "show", "Show what a file is, and what a folder holds."),
            "get": Verb("cli.files", "get", "Get a file or a folder, and save it."),
            "pin": Verb("cli.files", "pin", "Keep a file, however full the disk gets."),
            "unpin": Verb("cli.files", "unpin", "Let a file go when room is needed."),
            "drop": Verb("cli.files", "drop", "Free the room that a file takes here."),
            "usage": Verb("cli.files", "usage", "Show how much room files take, and whose they are."),
        },
    ),
    "delete": Verb("cli.deletion", "delete", "Have what you published dropped by every node."),
    "quota": Group(
        "How much of this disk others may take.",
        {
            "show": Verb("cli.quota", "show", "Show who takes how much, and how much he may."),
            "set": Verb("cli.quota", "choose", "Choose how much a member or a section may take."),
        },
    ),
    "sync": Verb("cli.sync", "sync", "Sync with peers now, and show what it took."),
    "log": Group(
        "The signed logs behind messages and documents.",
        {
            "list": Verb("cli.logs", "list_logs", "List the logs that this node holds."),
            "show": Verb("cli.logs", "show", "List the entries of a log."),
            "verify": Verb("cli.logs", "verify", "Check signatures and links of logs."),
        },
    ),
    "check": Verb("cli.logs", "check", "Re-hash and re-verify everything that is held."),
    "rebuild-views": Verb("cli.rebuilding", "rebuild_views", "Make anew what is shown, from the entries."),
    "hub": Group(
        "What a node that is always on is asked for.",
        {"drill": Verb("cli.hub", "drill", "Rebuild everything from this home alone, and see what is lost.")},
    ),
    "demo": Verb("cli.demo", "demo", "See it work: a federation in processes on this machine."),
    "sim": Verb("cli.simulator", "sim", "Simulate a network of many nodes on virtual time."),
}
"""Every verb, in the order of `aster --help`."""
