"""Settings as users write them: names, types and the texts of environment variables, checked.

The tap and the workers read the environment here, so that a variable means the same to both. No
message repeats the value of a secret, or of a list or an object, which may hold one.
"""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from tap_sfbulk_pages.errors import SettingsError, collect_errors
from tap_sfbulk_pages.settings_schema import BOOLEANS

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

logger = logging.getLogger(__name__)

ENVIRONMENT_PREFIX = "TAP_SFBULK_PAGES_"
# Read by the Singer SDK: how much is logged.
_NOT_SETTINGS = frozenset({"loglevel"})
# As alike as `object` and `objects`, `querys` and `queries`; `login` and `login_url` are not.
_ALIKE = 0.75
_LONGEST_VALUE = 60
_FORMS = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "enum": "one of",
}

Properties = Mapping[str, Mapping[str, Any]]


def read_environment(
    environment: Mapping[str, str],
    properties: Properties,
    errors: list[str],
    *,
    also_known: Collection[str] = (),
) -> tuple[dict[str, Any], set[str]]:
    """Read the settings that environment variables hold.

    An empty variable is no setting. Meltano passes its own extras with two underscores after the
    prefix (`TAP_SFBULK_PAGES__SELECT`), which are left alone.

    Args:
        environment: Texts by the name of the variable.
        properties: JSON schemas by the name of the setting.
        errors: What cannot be read, and names that are probably misspelt, are added.
        also_known: Names of settings that are read elsewhere, and passed over here.

    Returns:
        Values as a file would hold them, and the names of the settings that are wrong.
    """
    texts = {
        name.removeprefix(ENVIRONMENT_PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and text.strip()
    }
    texts = {name: text for name, text in texts.items() if not name.startswith("_")}
    known = {*properties, *also_known}
    unknown = [name for name in texts if name not in known | _NOT_SETTINGS]
    wrong = report_unknown_names(unknown, known, errors, spell=environment_variable)
    values: dict[str, Any] = {}
    for name in properties.keys() & texts.keys():
        with collect_errors(errors, f"{name} ({environment_variable(name)}) "):
            values[name] = value_of_text(texts[name], properties[name])
    return values, wrong | (properties.keys() & texts.keys()) - values.keys()


def environment_variable(setting: str) -> str:
    """Name the environment variable of a setting."""
    return f"{ENVIRONMENT_PREFIX}{setting.upper()}"


def value_of_text(text: str, schema: Mapping[str, Any]) -> Any:
    """Read the text of a setting by its type.

    Args:
        text: From an environment variable or an option.
        schema: JSON schema of the setting.

    Raises:
        SettingsError: If it is not of that type; it says what the setting must be, not which.
    """
    types = schema.get("type", ())
    if "boolean" in types:
        return _read(text, lambda text: BOOLEANS[text.strip().lower()], "true or false")
    if "integer" in types:
        return _read(text, _whole_number, "a whole number")
    if "number" in types:
        return _read(text, _number, "a number")
    if "array" in types:
        return _list(text, schema)
    if "object" in types:
        return _read_json(text, dict, 'a JSON object, such as {"Account": "…"}')
    return text


def report_unknown_names(
    names: Iterable[str],
    known: Collection[str],
    errors: list[str],
    *,
    spell: Callable[[str], str] = str,
) -> set[str]:
    """Refuse names that are probably misspelt, and warn of others that mean nothing.

    Args:
        names: That are no settings.
        known: The names of all settings.
        errors: Those that are close to a known one are added, with it.
        spell: Writes a name as the user does.

    Returns:
        The names that were probably meant.
    """
    meant_names: set[str] = set()
    for name in sorted(names):
        if meant := find_alike(name, known):
            meant_names.add(meant)
            hint = f"{spell(meant)} was probably meant"
            errors.append(f"there is no setting {spell(name)}: {hint}")
        else:
            logger.warning("There is no setting %s.", spell(name))
    return meant_names


def find_alike(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, if one is close; case is ignored."""
    spelled = {each.lower(): each for each in known}
    plain = name.lower().replace("-", "_")
    alike = get_close_matches(plain, spelled, n=1, cutoff=_ALIKE)
    return spelled[alike[0]] if alike else None


def describe_schema_errors(
    found: Iterable[ValidationError], properties: Properties, errors: list[str]
) -> set[str]:
    """Put what a JSON schema finds wrong with settings into words.

    Args:
        found: What `jsonschema` has found.
        properties: JSON schemas by the name of the setting.
        errors: A sentence for each is added.

    Returns:
        The names of the settings that are wrong.
    """
    wrong = set()
    for error in found:
        name = str(error.path[0])
        wrong.add(name)
        errors.append(_describe_schema_error(error, properties[name]))
    return wrong


def quote_version(config: Mapping[str, Any]) -> dict[str, Any]:
    """Write an `api_version` of `62.0` that was left without quotes as `"62.0"`."""
    version = config.get("api_version")
    if isinstance(version, bool) or not isinstance(version, int | float | Decimal):
        return dict(config)
    return {**config, "api_version": f"{version:.1f}"}


def _describe_schema_error(error: ValidationError, schema: Mapping[str, Any]) -> str:
    where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in error.path)
    where, value, expected = where.removeprefix("."), error.instance, error.validator_value
    if error.validator == "required":
        return f"{where} lacks {', '.join(sorted(set(expected) - value.keys()))}"
    if error.validator == "additionalProperties" and not expected:
        known = error.schema["properties"]
        hints: list[str] = []
        for name in sorted(value.keys() - known):
            meant = find_alike(name, known)
            hints.append(f"{name} ({meant} was probably meant)" if meant else name)
        return f"{where} has no {', '.join(hints)}"
    if error.validator == "type":
        types = [expected] if isinstance(expected, str) else expected
        form = " or ".join(_FORMS[each] for each in types if each != "null")
        if types[0] == "array" and isinstance(value, str):
            form += f", such as {_show_value([value], schema)}"
    elif error.validator in _BOUNDS:
        names = [str(each) for each in expected if each] if isinstance(expected, list) else []
        bound = ", ".join(names) or expected
        form = f"{_BOUNDS[error.validator]} {bound}"
    else:
        return f"{where} does not have the form that the Singer SDK documents"
    shown = _show_value(value, schema)
    return f"{where} must be {form}, not {shown}" if shown else f"{where} must be {form}"


def _show_value(value: Any, schema: Mapping[str, Any]) -> str:
    """Write a value as JSON; empty where it may hold what nobody should read."""
    is_private = schema.get("secret") or "object" in schema["type"]
    if is_private or isinstance(value, dict) or (isinstance(value, list) and len(value) != 1):
        return ""
    return json.dumps(value, ensure_ascii=False, default=float)[:_LONGEST_VALUE]


def _read(text: str, read: Callable[[str], Any], form: str) -> Any:
    try:
        return read(text)
    except (KeyError, ValueError, OverflowError):
        raise SettingsError(f"must be {form}, not {text[:_LONGEST_VALUE]!r}") from None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = _number(text)
    # As JSON Schema takes whole numbers: 300.0 is one.
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def _list(text: str, schema: Mapping[str, Any]) -> Any:
    """Read a list in JSON, or names that are separated by commas."""
    if text.lstrip().startswith("[") or "string" not in schema["items"]["type"]:
        form = '["Account"]' if "string" in schema["items"]["type"] else '[{"name": "…"}]'
        return _read_json(text, list, f"a JSON list, such as {form}")
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_json(text: str) -> Any:
    """Parse JSON of a user, and leave nothing in it open to more than one meaning.

    Raises:
        json.JSONDecodeError: If it is not JSON.
        RecursionError: If it is nested too deeply.
        ValueError: If a key stands twice in an object, a number is too large or none, or a text
            cannot be written as UTF-8; it says so in words.
    """
    value = json.loads(
        text, object_pairs_hook=_unique, parse_constant=_refuse_number, parse_float=_finite
    )
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it has half of a surrogate pair in a text") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"it has the key {twice[:_LONGEST_VALUE]!r} twice in one object")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("it has a number that is too large")
    return number


def _read_json(text: str, kind: type, form: str) -> Any:
    """Read JSON of one kind, or `null`; no part of the text is repeated."""
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"must be {form}; at {place} it is not JSON: {error.msg}") from None
    except ValueError as error:
        raise SettingsError(f"must be {form}; {error}") from None
    except RecursionError:
        raise SettingsError(f"must be {form}; it is nested too deeply") from None
    if value is not None and not isinstance(value, kind):
        raise SettingsError(f"must be {form}")
    return value
