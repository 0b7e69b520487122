"""The fields of a distributed Map: how each is read from the definition.

Must not know what a map run does with them.
"""

from typing import Final

from orchestration.asl.errors import PathSyntaxError
from orchestration.asl.expressions import Expression, compile_expression
from orchestration.asl.fields import Fields
from orchestration.asl.machine import Distribution, ItemBatcher, ItemReader, ResultWriter, Setting
from orchestration.asl.protocol import Json

DISTRIBUTED_FIELDS: Final = frozenset({"ItemReader", "ItemBatcher", "ResultWriter", "Label"})
TOLERANCE_FIELDS: Final = frozenset(
    {
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    }
)
MAX_LABEL_CHARS: Final = 40
MAX_ITEMS: Final = 100_000_000
GET_OBJECT: Final = "arn:aws:states:::s3:getObject"
LIST_OBJECTS: Final = "arn:aws:states:::s3:listObjectsV2"
PUT_OBJECT: Final = "arn:aws:states:::s3:putObject"
INPUT_TYPES: Final = ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")
DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_READER_CONFIG: Final = frozenset(
    {
        "InputType",
        "Transformation",
        "ManifestType",
        "CSVDelimiter",
        "CSVHeaderLocation",
        "CSVHeaders",
        "ItemsPointer",
        "MaxItems",
        "MaxItemsPath",
    }
)
_BAD_LABEL_CHARS: Final = frozenset(' ?*<>{}[]:;,\\|^~$#%&`"/')


def read_distribution(fields: Fields, processor: Fields) -> Distribution | None:
    """None: the Map is inline."""
    config = _section(processor, "ProcessorConfig", frozenset({"Mode", "ExecutionType"}))
    mode = _choice(config, "Mode", ("INLINE", "DISTRIBUTED"), default="INLINE")
    count = _setting(fields, "ToleratedFailureCount", integer=True, most=MAX_ITEMS)
    percentage = _setting(fields, "ToleratedFailurePercentage", integer=False, most=100)
    if mode == "INLINE":
        for name in sorted(DISTRIBUTED_FIELDS & fields.values.keys()):
            fields.problem(name, f"The field '{name}' is not supported by an inline Map")
        return None
    config.required("ExecutionType")
    return Distribution(
        express=_choice(config, "ExecutionType", ("STANDARD", "EXPRESS"), default="STANDARD") == "EXPRESS",
        label=_label(fields),
        reader=_reader(fields),
        batcher=_batcher(fields),
        writer=_writer(fields),
        tolerated_count=count,
        tolerated_percentage=percentage,
    )


def _label(fields: Fields) -> str:
    label = fields.text("Label")
    if len(label) > MAX_LABEL_CHARS or any(c in _BAD_LABEL_CHARS or not c.isprintable() for c in label):
        fields.problem("Label", f"A label has at most {MAX_LABEL_CHARS} characters, none of them special")
    return label


def _reader(fields: Fields) -> ItemReader | None:
    if "ItemReader" not in fields.values:
        return None
    reader = _section(fields, "ItemReader", frozenset({"Resource", "Parameters", "Arguments", "ReaderConfig"}))
    reader.required("Resource")
    resource = _choice(reader, "Resource", (GET_OBJECT, LIST_OBJECTS), default=GET_OBJECT)
    config = _section(reader, "ReaderConfig", _READER_CONFIG)
    if resource == GET_OBJECT:
        config.required("InputType")
    _check_config(config)
    constants = {name: value for name, value in config.values.items() if not name.startswith("MaxItems")}
    max_items = _setting(config, "MaxItems", integer=True, most=MAX_ITEMS)
    return ItemReader(resource, reader.parameters(), constants, max_items)


def _check_config(config: Fields) -> None:
    kind = _choice(config, "InputType", INPUT_TYPES, default="JSON")
    _choice(config, "Transformation", ("NONE", "LOAD_AND_FLATTEN"), default="NONE")
    _choice(config, "ManifestType", ("ATHENA_DATA", "S3_INVENTORY"), default="S3_INVENTORY")
    _choice(config, "CSVDelimiter", tuple(DELIMITERS), default="COMMA")
    config.text("ItemsPointer")
    if kind == "PARQUET":
        config.problem("InputType", "The input type PARQUET is not supported here")
    if kind != "CSV":
        return
    config.required("CSVHeaderLocation")
    location = _choice(config, "CSVHeaderLocation", ("FIRST_ROW", "GIVEN"), default="FIRST_ROW")
    if location == "GIVEN":
        config.required("CSVHeaders")
        if "CSVHeaders" in config.values:
            config.texts("CSVHeaders")


def _batcher(fields: Fields) -> ItemBatcher | None:
    if "ItemBatcher" not in fields.values:
        return None
    known = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
    batcher = _section(fields, "ItemBatcher", frozenset({"BatchInput", *known, *(f"{name}Path" for name in known)}))
    if not any(name in batcher.values or f"{name}Path" in batcher.values for name in known):
        batcher.problem("", f"At least one of these fields is required: [{', '.join(known)}]")
    return ItemBatcher(
        _setting(batcher, known[0], integer=True, most=MAX_ITEMS),
        _setting(batcher, known[1], integer=True, most=262_144),
        batcher.template("BatchInput"),
    )


def _writer(fields: Fields) -> ResultWriter | None:
    if "ResultWriter" not in fields.values:
        return None
    writer = _section(fields, "ResultWriter", frozenset({"Resource", "Parameters", "Arguments", "WriterConfig"}))
    config = _section(writer, "WriterConfig", frozenset({"Transformation", "OutputType"}))
    _choice(config, "Transformation", ("NONE", "COMPACT", "FLATTEN"), default="NONE")
    _choice(config, "OutputType", ("JSON", "JSONL"), default="JSON")
    resource = ""
    if "Resource" in writer.values:
        resource = _choice(writer, "Resource", (PUT_OBJECT,), default=PUT_OBJECT)
    elif "WriterConfig" not in writer.values:
        writer.required("Resource")
    return ResultWriter(resource, writer.parameters(), dict(config.values))


def _section(fields: Fields, name: str, known: frozenset[str]) -> Fields:
    """The object in field ``name``; empty where it is absent."""
    value = fields.values.get(name, {})
    if not isinstance(value, dict):
        fields.problem(name, "Expected value of type OBJECT")
        value = {}
    section = fields.inside(value, fields.at(name))
    section.known(known)
    return section


def _choice(fields: Fields, name: str, allowed: tuple[str, ...], *, default: str) -> str:
    value = fields.text(name, default=default)
    if value not in allowed:
        fields.problem(name, f"The value of '{name}' must be one of: [{', '.join(allowed)}]")
        return default
    return value


def _setting(fields: Fields, name: str, *, integer: bool, most: int) -> Setting:
    """``name`` or ``<name>Path``."""
    found = fields.exclusive(name, f"{name}Path")
    if not found:
        return Setting(name)
    if (query := fields.query(name, "number")) is not None:
        return Setting(name, fields.text(name), query)
    if found[0] == name:
        value = fields.integer(name, 0, least=0, most=most) if integer else fields.number(name, 0.0, least=0.0)
        if value > most:
            fields.problem(name, f"Expected a number of at most {most}")
        return Setting(name, str(value), _constant(value))
    source = fields.text(found[0])
    try:
        return Setting(found[0], source, compile_expression(source))
    except PathSyntaxError as problem:
        fields.problem(found[0], f"Value is not a valid JSONPath: {problem}")
        return Setting(found[0], source, _constant(0))


def _constant(value: Json) -> Expression:
    return lambda document, env: value
