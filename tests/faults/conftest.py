"""The fixtures of the integration tests, for tests of what may go wrong; network.py has the bad network."""

import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parents[1] / "integration"
sys.path.insert(1, str(INTEGRATION))
specification = importlib.util.spec_from_file_location("integration_conftest", INTEGRATION / "conftest.py")
integration = importlib.util.module_from_spec(specification)
specification.loader.exec_module(integration)
globals().update({name: value for name, value in vars(integration).items() if not name.startswith("__")})
