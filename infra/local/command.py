"""`nephele up`: the whole of Nephele on this machine."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from infra.local.errors import LocalStackError
from infra.local.faults import Faults
from infra.local.options import LocalOptions
from nephele.domain.option_checks import check_options, option_warnings
from nephele.errors import ConfigurationError
from nephele.settings.configuration import (
    Configuration,
    load_configuration,
    parse_configuration,
    reason_of,
)

_FAULTS = "Faults"
_S3_PUT_MS, _S3_GET_MS, _TRANSACTION_MS = 40.0, 20.0, 20.0

Probability = Annotated[float, typer.Option(min=0, max=1, rich_help_panel=_FAULTS)]


def up(
    config: Annotated[Path | None, typer.Option(help="Orthanc's configuration file.")] = None,
    data: Annotated[Path, typer.Option(help="Folder that keeps the data.")] = Path(".nephele"),
    assembly: Annotated[
        Path | None, typer.Option(help="Folder of the templates; default: with the data.")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: HttpPort; 0: any.")
    ] = None,
    dicom_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: DicomPort; 0: any.")
    ] = None,
    https_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: EdgeHttpsPort; 0: any.")
    ] = None,
    aws_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the local AWS; 0: any.")
    ] = 4566,
    dicom: Annotated[bool, typer.Option(help="Start the DIMSE edge.")] = True,
    proxy: Annotated[
        bool, typer.Option(help="Count AWS calls and units; slower.", rich_help_panel=_FAULTS)
    ] = False,
    duplicate: Probability = 0.0,
    reorder: Annotated[bool, typer.Option(rich_help_panel=_FAULTS)] = False,
    delay: Annotated[
        float, typer.Option(min=0, help="Seconds, at most.", rich_help_panel=_FAULTS)
    ] = 0.0,
    kill: Probability = 0.0,
    conflict: Probability = 0.0,
    throttle: Probability = 0.0,
    latency: Annotated[
        bool,
        typer.Option(help="S3 PUT 40 ms, GET 20 ms, transactions 20 ms.", rich_help_panel=_FAULTS),
    ] = False,
    retry_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds until failed messages come back; default: the queue's own.",
            rich_help_panel=_FAULTS,
        ),
    ] = None,
) -> None:
    """Run Nephele on this machine, on 127.0.0.1, until Ctrl-C."""
    faults = Faults(
        duplicate=duplicate,
        reorder=reorder,
        delay_seconds=delay,
        kill=kill,
        conflict=conflict,
        throttle=throttle,
        s3_put_ms=_S3_PUT_MS if latency else 0.0,
        s3_get_ms=_S3_GET_MS if latency else 0.0,
        transaction_ms=_TRANSACTION_MS if latency else 0.0,
        retry_seconds=retry_after,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    try:
        configuration = load_configuration(config) if config else parse_configuration("{}")
        check_options(configuration)
        _say_what_is_ignored(configuration)
        _say_warnings(configuration)
        _run(
            LocalOptions(
                config=config,
                configuration=configuration,
                data=data,
                assembly=assembly,
                http_port=configuration.http_port if http_port is None else http_port,
                dicom_port=configuration.dicom_port if dicom_port is None else dicom_port,
                https_port=configuration.edge_https_port if https_port is None else https_port,
                aws_port=aws_port,
                has_dicom=dicom,
                has_proxy=proxy or faults.needs_proxy,
                faults=faults,
            )
        )
    except (LocalStackError, ConfigurationError) as exc:
        typer.echo(f"nephele up: {exc}", err=True)
        raise typer.Exit(1) from exc


def _run(options: LocalOptions) -> None:
    import uvloop

    from infra.local.stack import LocalStack  # slow to import

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(LocalStack(options, say=_say).run())


def _say(text: str) -> None:
    typer.echo(text)


def _say_what_is_ignored(configuration: Configuration) -> None:
    for name in sorted(configuration.not_honoured):
        typer.echo(f"configuration: {name} is {reason_of(name)}", err=True)


def _say_warnings(configuration: Configuration) -> None:
    for text in option_warnings(configuration):
        typer.echo(f"warning: {text}", err=True)
