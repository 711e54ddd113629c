"""The names that transfer syntaxes have on the command line."""

from __future__ import annotations

from nephele.domain.transfer_syntax import TRANSFER_SYNTAXES, transfer_syntax


def transfer_syntax_named(name: str) -> str | None:
    """Return the UID of a transfer syntax, None if there is no such one.

    Parameters
    ----------
    name : str
        The UID itself, its keyword of PS3.6 or its name in the table of syntaxes; neither case nor
        punctuation matter.
    """
    wanted = _plain(name)
    if not wanted:
        return None
    for syntax in TRANSFER_SYNTAXES:
        if wanted in (_plain(syntax.uid), _plain(syntax.name)):
            return syntax.uid
    uids = (syntax.uid for syntax in TRANSFER_SYNTAXES)
    return next((uid for uid in uids if wanted == _plain(keyword_of(uid))), None)


def keyword_of(transfer_syntax_uid: str) -> str:
    """Return the keyword that PS3.6 gives to a transfer syntax.

    pydicom does not know those of JPEG XL, which are their names without blanks.
    """
    from pydicom.uid import UID

    keyword = UID(transfer_syntax_uid).keyword
    return keyword or transfer_syntax(transfer_syntax_uid).name.replace(" ", "")


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character not in " -_()/")
