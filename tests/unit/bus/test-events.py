"""Events against their schemas, and the generator's refusals. Arguments: print-events, air-event-codegen, schemas/events."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import jsonschema

PRINT_EVENTS, CODEGEN, SCHEMAS = (pathlib.Path(argument) for argument in sys.argv[1:4])

# One field of every kind, required and optional.
LOCAL = pathlib.Path(__file__).parent
ALL_KINDS = json.loads((LOCAL / "all-kinds.json").read_text())


VALUES = {"string": "some \"text\"\n", "integer": 3, "number": 0.5, "boolean": True, "array": ["a", ""]}
# One of each kind of JSON: where a field's schema takes it, so does the event.
OTHERS = (None, True, 1, -7, 11, 0.25, "text", "on", [], ["x"], [1], {}, {"a": 1})


def schemas():
    return {path.stem: json.loads(path.read_text()) for path in [*SCHEMAS.glob("*.json"), LOCAL / "all-kinds.json"]}


def example(name, schema, optional):
    """A document of that schema with all optional fields, or with none."""
    fields = {"type": name, "at": "2026-03-01T09:30:00.123Z"}
    for field, form in schema["properties"].items():
        if field not in fields and (optional or field in schema["required"]):
            fields[field] = form["enum"][-1] if "enum" in form else VALUES[form["type"]]
    return fields


def variations(document):
    """The document with each of its members left out, each with another value, and with one more."""
    for name in document:
        yield {key: value for key, value in document.items() if key != name}
        for other in OTHERS:
            yield {**document, name: other}
    yield {**document, "another": 1}


class Events(unittest.TestCase):
    def generate(self, schema, name="all-kinds"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name + ".json")
            path.write_text(json.dumps(schema))
            command = [CODEGEN, "--header", f"{folder}/out.h", "--source", f"{folder}/out.c", path]
            result = subprocess.run(command, capture_output=True, text=True)
            return result, (pathlib.Path(folder, "out.h").read_text() if result.returncode == 0 else "")

    def test_documents_agree_with_schemas(self):
        lines = subprocess.run([PRINT_EVENTS], check=True, capture_output=True, text=True).stdout.splitlines()
        seen = set()
        for line in lines:
            document = json.loads(line)
            folder = LOCAL if document["type"] == "all-kinds" else SCHEMAS
            schema = json.loads((folder / f"{document['type']}.json").read_text())
            jsonschema.Draft202012Validator(schema).validate(document)
            self.assertRegex(document["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            seen.add(document["type"])
        self.assertEqual(seen, {path.stem for path in SCHEMAS.glob("*.json")} | {"all-kinds"})

    def read(self, documents):
        """What the program says of each: the document, or why it refuses it."""
        text = "".join(json.dumps(document) + "\n" for document in documents)
        lines = subprocess.run([PRINT_EVENTS, "--read"], input=text, check=True, capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(len(lines), len(documents))
        return lines

    def test_every_example_comes_back(self):
        documents = [example(name, schema, optional) for name, schema in schemas().items() for optional in (True, False)]
        for document, line in zip(documents, self.read(documents)):
            self.assertFalse(line.startswith("refused"), (document, line))
            self.assertEqual(json.loads(line), document)

    def test_what_the_schema_refuses_is_refused(self):
        documents, verdicts = [], []
        for name, schema in schemas().items():
            validator = jsonschema.Draft202012Validator(schema)
            for document in variations(example(name, schema, True)):
                # A time must be one, which this validator does not look at.
                documents.append(document)
                verdicts.append(validator.is_valid(document) and document["at"][:4] == "2026")
        self.assertIn(True, verdicts)
        for document, verdict, line in zip(documents, verdicts, self.read(documents)):
            self.assertEqual(not line.startswith("refused"), verdict, (document, line))

    def test_what_is_no_event_is_refused(self):
        for line in self.read([None, 1, [], {}, {"type": "nothing", "at": "2026-03-01T09:30:00.123Z"}, {"type": "reader-count"}]):
            self.assertTrue(line.startswith("refused"), line)

    def test_schemas_are_schemas(self):
        for path in SCHEMAS.glob("*.json"):
            jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))

    def test_every_kind(self):
        result, header = self.generate(ALL_KINDS)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("air_event_all_kinds_new (const char *text, int64_t count, double share, bool open, "
                      "AirEventAllKindsState state, const char *const *names, const char *maybe_text, int64_t maybe_count, "
                      "double maybe_share, int maybe_open, AirEventAllKindsMaybeState maybe_state, "
                      "const char *const *maybe_names);", header)
        self.assertIn("AIR_EVENT_ALL_KINDS_STATE_HALF_ON", header)

    def test_refusals(self):
        for change, words in (
            ({"required": ["type", "at", "nothing"]}, "required"),
            ({"additionalProperties": True}, "additionalProperties"),
            ({"patternProperties": {}}, "patternProperties"),
            ({"properties": {**ALL_KINDS["properties"], "deep": {"type": "object"}}}, "'deep'"),
            ({"properties": {**ALL_KINDS["properties"], "class": {"type": "string"}}}, "'class'"),
            ({"properties": {**ALL_KINDS["properties"], "text": {"type": "string", "pattern": "x"}}}, "'pattern'"),
            ({"properties": {**ALL_KINDS["properties"], "type": {"const": "other"}}}, "all-kinds"),
        ):
            result, _ = self.generate({**ALL_KINDS, **change})
            self.assertNotEqual(result.returncode, 0, change)
            self.assertIn(words, result.stderr)
            self.assertIn("all-kinds.json", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
