"""The tap: settings, org and streams wired together."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import IO, TYPE_CHECKING, Any, ClassVar, TextIO, cast

import click
from singer_sdk.configuration._dict_config import (
    merge_missing_config_jsonschema,
    parse_environment_config,
)
from singer_sdk.helpers.capabilities import (
    EMIT_ACTIVATE_VERSION_CONFIG,
    SQL_TAP_USE_SINGER_DECIMAL,
)
from singer_sdk.plugin_base import _ConfigInput
from singer_sdk.tap_base import CliTestOptionValue, Tap
from typing_extensions import override

from tap_sfbulk_pages.configuration import ENVIRONMENT_PREFIX
from tap_sfbulk_pages.errors import ExtractionError, IncompleteRunError, SettingsError
from tap_sfbulk_pages.inputs import earlier_catalogs
from tap_sfbulk_pages.inputs.arguments import (
    CONTEXT_SETTINGS,
    NO_SETTINGS,
    refuse_further_arguments,
)
from tap_sfbulk_pages.inputs.input_files import read_config
from tap_sfbulk_pages.reading.foreign_states import refuse_foreign_states
from tap_sfbulk_pages.reading.named_things import check_map_fields
from tap_sfbulk_pages.reading.run import RunOutcome, StreamRun
from tap_sfbulk_pages.settings_schema import SCHEMA
from tap_sfbulk_pages.singer.command_line import TAP, errors_for_people
from tap_sfbulk_pages.singer.connection_check import check_connection
from tap_sfbulk_pages.singer.inputs.catalog_files import SelectedEntries, write_catalog
from tap_sfbulk_pages.singer.inputs.config_check import check_config, read_tap_environment
from tap_sfbulk_pages.singer.inputs.states import read_state, understand_state
from tap_sfbulk_pages.singer.measurements import log_measurements
from tap_sfbulk_pages.singer.output import StateLines
from tap_sfbulk_pages.singer.run import RunningTap
from tap_sfbulk_pages.watching.activity import on_behalf_of
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from singer_sdk.streams import Stream

    from tap_sfbulk_pages.singer.streams.stream import BulkStream
    from tap_sfbulk_pages.singer.streams.stream_in_turn import StreamInTurn

_TRIES_OF_A_TEST = 3


_OWN_STATES = (
    "Keep a state for each org (with Meltano, an environment or a --state-id-suffix for each). To "
    "read this org from the beginning, leave --state out (meltano run --full-refresh), or remove "
    "these streams from the state."
)


class TapSFBulkPages(RunningTap):
    """Singer tap for Salesforce Bulk API 2.0 query jobs and their parallel result pages."""

    name = TAP
    package_name = TAP
    config_jsonschema: ClassVar[dict[str, Any]] = SCHEMA
    # The catalog comes from the org, which needs valid settings.
    dynamic_catalog = True
    # Read by `_read_environment` instead.
    _env_var_config: ClassVar[dict[str, Any]] = {}

    _run: StreamRun | None = None

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        parse_env_config: bool = False,
        **others: Any,
    ) -> None:
        """Understand what other Salesforce taps are given, then do as the SDK does.

        Raises:
            ExtractionError: If the config, the catalog or the state cannot be followed.
        """
        self._setting_errors: list[str] = []
        self._wrong_settings: set[str] = set()
        if parse_env_config:
            config = {**(config or {}), **self._read_environment()}
        if catalog is not None:
            catalog, warnings = earlier_catalogs.understand_catalog(catalog)
            self._warn(warnings)
        super().__init__(
            config=config, catalog=catalog, parse_env_config=parse_env_config, **others
        )
        self._state_writer = StateLines(self.write_lines)
        if sys.stderr.isatty() and self.metrics_logger.level == logging.INFO:
            # They are for programs; a person has the summary.
            self.metrics_logger.setLevel(logging.WARNING)

    def _read_environment(self) -> dict[str, Any]:
        """Read the settings of the environment; what is wrong there waits for the config's check.

        The SDK reads no numbers, and takes everything but `true` for false. It is still asked to
        load a `.env` file.
        """
        parse_environment_config({}, ENVIRONMENT_PREFIX)
        self.append_builtin_config(self.config_jsonschema)
        values, self._wrong_settings = read_tap_environment(
            self.config_jsonschema, self._setting_errors
        )
        return values

    def _warn(self, warnings: Iterable[str]) -> None:
        for warning in warnings:
            self.logger.warning("%s", warning)

    @override
    def discover_streams(self) -> Sequence[Stream]:
        """Make the streams: those selected in a catalog, else every one that the org offers."""
        # Loads what reads streams, for which --version, --about and wrong settings need not wait.
        from tap_sfbulk_pages.singer.streams import discovery as stream_discovery  # noqa: PLC0415

        if self.input_catalog is None:
            return list(stream_discovery.offer_streams(self))
        return stream_discovery.selected_streams(self, self.input_catalog)

    @override
    def run_discovery(self) -> str:
        """Print the catalog, of which never more than a few streams are held.

        Returns:
            Nothing: the SDK does not look at it, and all of it may be more than memory holds.
        """
        from tap_sfbulk_pages.singer.streams import discovery as stream_discovery  # noqa: PLC0415 - as above

        streams = stream_discovery.offer_streams(self)
        write_catalog((stream.describe_for_catalog() for stream in streams), sys.stdout)
        return ""

    @override
    def setup_mapper(self) -> None:
        """Make the mapper once the streams have taken over the catalog, which they may add to.

        Raises:
            SettingsError: If records are to leave in files, and must be changed one by one.
        """
        if self.input_catalog is not None:
            _ = self.streams
        super().setup_mapper()
        for stream in self.selected_streams:
            maps, fields = self.mapper.stream_maps_dict, stream.schema["properties"]
            check_map_fields(maps, stream.name, fields)
            stream.check_files()

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state of an earlier run.

        Raises:
            StateError: If it is not one.
        """
        state, warnings = understand_state(state)
        self._warn(warnings)
        super().load_state(state)

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams; one that cannot be read does not stop the others.

        The SDK marks the method final for type checkers only. It has no place of its own where
        the error of a stream could be kept until the others are done.

        Raises:
            IncompleteRunError: If streams could not be read, after the others.
        """
        from tap_sfbulk_pages.singer.streams.stream_in_turn import StreamInTurn  # noqa: PLC0415 - as above

        streams = [StreamInTurn.of(self, stream) for stream in self.selected_streams]
        self._read_all(sorted(streams, key=lambda stream: not stream.has_saved_job))

    def streams_in_turn(self, entries: SelectedEntries | None) -> list[StreamInTurn]:
        """List the streams of a run that holds few of them at a time; `streams` are all of them.

        Args:
            entries: Those that a catalog selects; None for no catalog.

        Raises:
            ExtractionError: If the org cannot be asked, or settings contradict it or each other.
        """
        from tap_sfbulk_pages.singer.streams import run_streams  # noqa: PLC0415 - as above

        # The SDK would fill the mapper with all streams.
        super(Tap, self).setup_mapper()
        if entries is None:
            return run_streams.offer_streams_in_turn(self)
        return run_streams.select_streams_in_turn(self, entries)

    def check_state_is_of_org(self, streams: Iterable[StreamInTurn]) -> None:
        """Check that the state is of the org that the settings sign in to.

        Raises:
            StateError: If it is of another one.
            ExtractionError: If the org cannot be asked.
        """
        refuse_foreign_states(
            self.org,
            self.state.get("bookmarks", {}),
            read={stream.name for stream in streams},
            what="The state",
            way_out=_OWN_STATES,
        )

    def _read_all(self, streams: Sequence[StreamInTurn]) -> None:
        self.check_state_is_of_org(streams)
        with self.stop_signal.writing():
            self._reset_state_progress_markers()
            if self.state:
                self._write_state()
        self._run = StreamRun(
            streams,
            org=self.org,
            activity=self.activity,
            stop_signal=self.stop_signal,
            write_state=self._write_state,
            measure=log_measurements,
        )
        self._run.read()

    def _write_state(self) -> None:
        self._state_writer.write_state(self.state)

    @override  # type: ignore[misc]
    def run_connection_test(self) -> bool:
        """Read a record of each selected stream; the SDK would select every one.

        No state is written: it would mark as done what has not been read.

        Raises:
            IncompleteRunError: If streams could not be read, after the others.
        """
        self._state_writer = StateLines(lambda _: None)
        outcome = RunOutcome()
        if not self.selected_streams:
            raise SettingsError("objects: it matches only objects that a plain query cannot read")
        for stream in self.selected_streams:
            try:
                with on_behalf_of(stream.activity):
                    self.run_sync_dry_run(dry_run_record_limit=1, streams=[stream])
                outcome.read.append(stream.name)
            except ExtractionError as error:  # noqa: PERF203 - each stream for itself
                outcome.failed[stream.name] = str(error)
        if not outcome.is_whole:
            raise IncompleteRunError(*outcome.summary())
        return True

    @override
    def tend(self) -> None:
        """Look after the jobs ahead (`JobSchedule.tend`)."""
        if self._run:
            self._run.tend()

    @property
    def selected_streams(self) -> list[BulkStream]:
        """The streams that a run reads."""
        streams = cast("list[BulkStream]", list(self.streams.values()))
        return [stream for stream in streams if stream.selected]

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the config, and say all that is wrong with it at once.

        The SDK stops at what its JSON schema finds, and repeats values, secrets among them.

        Raises:
            SettingsError: If anything is.
        """
        errors = self._setting_errors
        if not self._config:
            errors.append(NO_SETTINGS)
        self.append_builtin_config(self.config_jsonschema)
        self._config, warnings = check_config(
            self._config, self.config_jsonschema, errors, self._wrong_settings
        )
        self._warn(warnings)
        if errors and raise_errors:
            raise SettingsError(*errors)
        return errors

    @override
    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's own settings, with two that it obeys and does not list."""
        super().append_builtin_config(config_jsonschema)
        for settings in (EMIT_ACTIVATE_VERSION_CONFIG, SQL_TAP_USE_SINGER_DECIMAL):
            merge_missing_config_jsonschema(settings, config_jsonschema)

    @override
    def _setup_signal_handlers(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self.stop_signal.handle)
            signal.signal(signal.SIGTERM, self.stop_signal.handle)

    @override
    @classmethod
    def invoke(  # type: ignore[override] # as the SDK's own
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap; errors end it with a message, not a traceback.

        The SDK's own holds the whole catalog, and a stream of each of its entries.
        """
        with errors_for_people(), ExitStack() as opened:
            refuse_further_arguments()
            super(Tap, cls).invoke(about=about, about_format=about_format)
            cls.print_version(print_fn=cls.logger.info)
            entries = None
            if catalog:
                file = cast("TextIO", catalog).buffer
                entries = opened.enter_context(SelectedEntries(file))
            given = config or _ConfigInput()
            tap = cls(config=given.config, parse_env_config=given.parse_env, setup_mapper=False)
            if state:
                file = cast("TextIO", state).buffer
                tap.load_state(read_state(file.read(), f"state {state.name}"))
            tap._read_all(tap.streams_in_turn(entries))

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Make the command, which repeats no argument that it does not know."""
        command = super().get_singer_command()
        command.context_settings.update(CONTEXT_SETTINGS)
        return command

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the config; errors as in `invoke`."""
        with errors_for_people():
            config, parse_env = read_config(value)
        return _ConfigInput(config=config, parse_env=parse_env)

    @override
    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:
        """Print the catalog; errors as in `invoke`."""
        with errors_for_people():
            super().cb_discover(ctx, param, value)

    @override
    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """Check the connection, then read a record of each stream; errors as in `invoke`.

        The SDK would discover before anything is known of the connection. Its stdout is for Singer
        messages, so the checks are reported on stderr.
        """
        if value == CliTestOptionValue.Disabled.value:
            return
        given = ctx.params["config"]
        with errors_for_people() as stdout:
            tap = cls(config=given.config, parse_env_config=given.parse_env, setup_mapper=False)
            # Somebody is waiting, and a name may be misspelt.
            tap._config["max_retries"] = min(tap.config["max_retries"], _TRIES_OF_A_TEST)
            tell = partial(click.echo, err=True)
            check_connection(tap.org, tell)
            tap.setup_mapper()
            if value == CliTestOptionValue.Schema.value:
                tap.write_schemas()
            else:
                # The messages are for programs; people would look for the checks among them.
                with stdout.discarded_on_a_terminal() if stdout else nullcontext():
                    tap.run_connection_test()
                count = format_count(len(tap.selected_streams), "stream")
                tell(f"records: ok (asked for one of each of {count})")
        ctx.exit()
