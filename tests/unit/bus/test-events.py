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
