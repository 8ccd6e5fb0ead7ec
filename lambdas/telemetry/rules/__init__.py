"""The business rules: what can be seen to be wrong with a charger's telemetry."""

from telemetry.rules.judging import RULES as RULES
from telemetry.rules.judging import judge as judge
from telemetry.rules.observation import Observation as Observation
from telemetry.rules.profiles import Profile as Profile
from telemetry.rules.profiles import profile_of as profile_of
from telemetry.rules.types import Finding as Finding
from telemetry.rules.types import Memory as Memory
