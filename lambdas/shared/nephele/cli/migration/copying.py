"""Copying one resource: its instance, what users keep at it, and whether it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.cli.exchange import Absent, Failed, Refused
from nephele.cli.migration.ledger import Ledger
from nephele.cli.migration.server import Described, Server
from nephele.cli.sender import Sender
from nephele.cli.summary import Summary
from nephele.domain.levels import Level
from nephele.errors import NepheleError

_DICOM = "dicom"
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Item:
    """A resource of the source, and what the target has of it.

    Attributes
    ----------
    is_changed : bool
        The source tells of a change: its file and attachments are looked at again.
    """

    source: Described
    target: Described | None
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies resources from one server to another; safe to share between threads."""

    source: Server
    target: Server
    sender: Sender
    ledger: Ledger
    summary: Summary

    def copy(self, item: Item) -> None:
        """Copy one resource, as far as the target does not have it; count what became of it."""
        try:
            self._copy(item)
        except Absent as exc:
            if self._is_gone(item):
                self.summary.count("gone meanwhile")
            else:
                self.summary.add_problem("refused", item.source.path, str(exc))
        except (Refused, NepheleError) as exc:
            self.summary.add_problem("refused", item.source.path, str(exc))
        except (Failed, OSError) as exc:
            self.summary.add_problem("failed", item.source.path, str(exc))

    def _is_gone(self, item: Item) -> bool:
        """Tell whether the source has removed a resource while it was copied."""
        try:
            self.source.get(item.source.path)
        except Absent:
            return True
        except (Refused, Failed):
            return False
        return False

    def _copy(self, item: Item) -> None:
        if item.source.level is Level.INSTANCE:
            self._copy_instance(item)
        elif item.target is None:
            reason = "Not at the target: none of its instances are"
            self.summary.add_problem("missing", item.source.path, reason)
        else:
            self._copy_attachments(item.source.path)
            self._copy_kept(item.source, item.target)
            if item.source.level is Level.PATIENT:
                self._copy_protection(item.source.path)

    def _copy_instance(self, item: Item) -> None:
        known = self.ledger.md5(item.source.orthanc_id)
        if known is not None and item.target is not None and not item.is_changed:
            self._copy_kept(item.source, item.target)
            return
        md5 = self._copy_file(item, known)
        self._copy_attachments(item.source.path)
        self._copy_kept(item.source, item.target)
        self.ledger.add(item.source.orthanc_id, md5)

    def _copy_file(self, item: Item, known: str | None) -> str:
        """Send an instance unless the target has it; return its MD5 at the source."""
        path = item.source.path
        md5 = self.source.md5(path, _DICOM)
        if item.target is not None and md5:
            if md5 == known:
                return md5
            if md5 == self.target.known_md5(path, _DICOM):
                self.summary.count("were there")
                return md5
        with self.source.content(path, _DICOM, md5) as content:
            status = self.sender.send(content.file, content.size_bytes)
            self._verify(item.source, content.md5)
            self.summary.count("stored" if status == "Success" else "were there")
            return content.md5

    def _verify(self, source: Described, md5: str) -> None:
        """Compare what the target has with what was sent.

        Raises
        ------
        Failed
            It is not the same, and not because the target transcodes what it receives.
        """
        try:
            found = self.target.known_md5(source.path, _DICOM)
        except Absent as exc:
            raise Failed("Sent, but the target does not have it under its id") from exc
        if found == md5:
            return
        if self.target.ingest_transcoding:
            there = self.target.describe([source.orthanc_id])[source.orthanc_id]
            if there.transfer_syntax_uid != source.transfer_syntax_uid:
                self.summary.count("transcoded by the target")
                return
        raise Failed("The target has another content under the same identifiers")

    def _copy_attachments(self, path: str) -> None:
        wanted = self.source.attachments(path)
        if not wanted:
            return
        there = set(self.target.attachments(path).values())
        for name, number in wanted.items():
            md5 = self.source.md5(path, name)
            if number in there and md5 and md5 == self.target.known_md5(path, str(number)):
                continue
            with self.source.content(path, name, md5) as content:
                to = f"{path}/attachments/{number}"
                self.sender.attach(content.file, content.size_bytes, to)
                if self.target.known_md5(path, str(number)) != content.md5:
                    raise Failed(f"The target has another content of attachment {name}")
                self.summary.count("attachments")

    def _copy_kept(self, source: Described, target: Described | None) -> None:
        """Copy labels and users' metadata that the target does not have."""
        for label in sorted(source.labels - (frozenset() if target is None else target.labels)):
            self.sender.request("PUT", f"{source.path}/labels/{label}", b"")
            self.summary.count("labels")
        there = {} if target is None else self._by_number(target)
        for name, value in source.metadata.items():
            number = self._target_number(name)
            if there.get(number) == value and _UNREADABLE not in value:
                continue
            self._copy_metadata(source.path, name, number, is_there=number in there)

    def _copy_metadata(self, path: str, name: str, number: int, *, is_there: bool) -> None:
        value = self.source.get(f"{path}/metadata/{name}").content
        to = f"{path}/metadata/{number}"
        if is_there and self.target.get(to).content == value:
            return
        self.sender.request("PUT", to, value)
        self.summary.count("metadata")

    def _by_number(self, described: Described) -> dict[int, str]:
        found = {}
        for name, value in described.metadata.items():
            found[self._target_number(name)] = value
        return found

    def _target_number(self, name: str) -> int:
        """Return the number a metadata has at the target.

        Raises
        ------
        Refused
            The source does not tell its number, and the target does not know its name.
        """
        for names in (self.target.user_metadata, self.source.user_metadata):
            if name in names:
                return names[name]
        if name.isascii() and name.isdigit():
            return int(name)
        raise Refused(f"UserMetadata: the target does not know {name}")

    def _copy_protection(self, path: str) -> None:
        at_source, at_target = (
            one.get(f"{path}/protected").text.strip() for one in (self.source, self.target)
        )
        if at_source == "1" and at_target != "1":
            self.sender.request("PUT", f"{path}/protected", b"1")
            self.summary.count("protected")
