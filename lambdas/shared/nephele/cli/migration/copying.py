"""Copying one resource: its instance, what users keep at it, and whether it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from nephele.cli.exchange import Absent, Failed, Refused
from nephele.cli.migration.ledger import Ledger
from nephele.cli.migration.server import Content, Described, Server
from nephele.cli.sender import Sender
from nephele.cli.summary import Summary
from nephele.domain.digests import is_same_data_set
from nephele.domain.levels import Level
from nephele.errors import NepheleError

_DICOM = "dicom"
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_KEPT = (
    "The target keeps another content under the same identifiers: set OverwriteInstances there, or "
    "delete the instance there, and run this again"
)
_CHANGED_THERE = (
    "The target's content was changed since it was copied, and is left as it is: delete the "
    "instance there to copy it anew"
)


class Missing(Exception):
    """The target lacks what has to be there first."""


class Differs(Exception):
    """The target has another content under the same identifiers."""


@dataclass(frozen=True, slots=True)
class Item:
    """A resource of the source, and what the target has of it.

    Attributes
    ----------
    is_compared : bool
        Its file and attachments are looked at again, even if they were copied before.
    """

    source: Described
    target: Described | None
    is_compared: bool = False


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies resources from one server to another; safe to share between threads."""

    source: Server
    target: Server
    sender: Sender
    ledger: Ledger
    summary: Summary

    def copy(self, item: Item) -> bool:
        """Copy one resource, as far as the target does not have it; count what became of it.

        Returns
        -------
        bool
            Nothing of it is a problem.
        """
        try:
            self._copy(item)
        except Absent as exc:
            if not self._is_gone(item):
                return self._add_problem("refused", item, exc)
            self.summary.count("gone meanwhile")
        except (Refused, NepheleError) as exc:
            return self._add_problem("refused", item, exc)
        except (Failed, OSError) as exc:
            return self._add_problem("failed", item, exc)
        except Missing as exc:
            return self._add_problem("missing", item, exc)
        except Differs as exc:
            return self._add_problem("differing", item, exc)
        return True

    def _add_problem(self, kind: str, item: Item, exc: Exception) -> bool:
        self.summary.add_problem(kind, item.source.path, str(exc))
        return False

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
            raise Missing("Not at the target: none of its instances are")
        else:
            if item.source.level is Level.PATIENT:
                self._copy_protection(item.source.path)
            self._copy_attachments(item.source.path)
            self._copy_kept(item.source, item.target)

    def _copy_instance(self, item: Item) -> None:
        known = self.ledger.md5(item.source.orthanc_id)
        if known and item.target is not None and not item.is_compared:
            self._copy_kept(item.source, item.target)
            return
        md5 = self._copy_file(item, known)
        self._copy_attachments(item.source.path)
        self._copy_kept(item.source, item.target)
        self.ledger.add(item.source.orthanc_id, md5)

    def _copy_file(self, item: Item, known: str | None) -> str:
        """Send an instance unless the target has it; return its MD5 at the source."""
        path = item.source.path
        if item.target is None:
            return self._send(item, self.source.md5(path, _DICOM))
        # What was copied is read again only where the source has no MD5 to compare with.
        md5 = (self.source.known_md5 if known else self.source.md5)(path, _DICOM)
        if md5 and self._has(item.target, md5):
            if md5 != known:
                self.summary.count("were there")
            return md5
        if md5 and md5 == known:
            if not self._is_transcoded(item.source, item.target, md5):
                with self.source.content(path, _DICOM, md5) as content:
                    self._require_same_data_set(path, content, _CHANGED_THERE)
            return md5
        if known:
            self.ledger.doubt(item.source.orthanc_id)
        return self._send(item, md5, is_replaced=known is not None)

    def _send(self, item: Item, md5: str, *, is_replaced: bool = False) -> str:
        """Send an instance, and compare what the target has with what was sent.

        Raises
        ------
        Differs
            It is not the same, and not because the target transcodes what it receives.
        """
        with self.source.content(item.source.path, _DICOM, md5) as content:
            is_stored = self.sender.send(content.file, content.size_bytes) == "Success"
            if content.md5 != self._md5_after_sending(item.source):
                self._judge_other(item.source, content, was_there=is_replaced and not is_stored)
        self.summary.count("stored" if is_stored else "were there")
        return content.md5

    def _judge_other(self, source: Described, content: Content, *, was_there: bool) -> None:
        """Tell what a target has instead of the file it was sent. Raises as `_send`."""
        there = self.target.describe([source.orthanc_id]).get(source.orthanc_id)
        if there is None or not self._is_transcoded(source, there, content.md5):
            self._require_same_data_set(source.path, content, _KEPT)
            self.summary.count("there with other meta information")
            return
        # What was there before is a transcoded version of another file.
        if was_there and not there.original_md5:
            raise Differs(_KEPT)
        self.summary.count("transcoded by the target")

    def _require_same_data_set(self, path: str, content: Content, otherwise: str) -> None:
        """Raise Differs unless the target's file is the same but for who has sent it there."""
        with self.target.content(path, _DICOM) as there:
            if not is_same_data_set(content.file, there.file):
                raise Differs(otherwise)

    def _md5_after_sending(self, source: Described) -> str:
        try:
            return self.target.known_md5(source.path, _DICOM)
        except Absent as exc:
            raise Failed("Sent, but the target does not have it under its id") from exc

    def _has(self, target: Described, md5: str) -> bool:
        """Tell whether the target has a file, or what it has made of it."""
        return md5 in (target.original_md5, self.target.known_md5(target.path, _DICOM))

    def _is_transcoded(self, source: Described, target: Described, md5: str) -> bool:
        """Tell whether the target has made of a file what it has, as far as it says of what."""
        if target.original_md5:
            return target.original_md5 == md5
        is_same_syntax = target.transfer_syntax_uid == source.transfer_syntax_uid
        return bool(self.target.ingest_transcoding) and not is_same_syntax

    def _copy_attachments(self, path: str) -> None:
        wanted = self.source.attachments(path)
        if not wanted:
            return
        there = set(self.target.attachments(path).values())
        for name, number in wanted.items():
            md5 = (self.source.known_md5 if number in there else self.source.md5)(path, name)
            if number in there and md5 == self.target.known_md5(path, str(number)):
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
        refused = None
        for name, value in source.metadata.items():
            try:
                number = self._target_number(name)
                if there.get(number) == value and _UNREADABLE not in value:
                    continue
                self._copy_metadata(source.path, name, number, is_there=number in there)
            except Refused as exc:
                refused = exc
        if refused is not None:
            raise refused

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
