"""The names that transfer syntaxes have on the command line."""

from __future__ import annotations

from nephele.domain.transfer_syntax import TRANSFER_SYNTAXES


def transfer_syntax_named(name: str) -> str | None:
    """Return the UID of a transfer syntax, None if there is no such one.

    Parameters
    ----------
    name : str
        The UID itself, its keyword of PS3.6 or its name in the table of syntaxes; neither case nor
        punctuation matter.
    """
    from pydicom.uid import UID

    wanted = _plain(name)
    for syntax in TRANSFER_SYNTAXES:
        names = (syntax.uid, UID(syntax.uid).keyword, syntax.name)
        if wanted and wanted in map(_plain, names):
            return syntax.uid
    return None


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character not in " -_()/")
