"""Writes the drawings of `docs/architecture.md`: what is in stage `prod` and who talks to whom, from the template.

Run it with `scripts/telemetry.sh document architecture`. Each line of a drawing comes from where AWS has it:
routes, the event source, policies, redrive policies, alarms' dimensions and actions, keys. Nothing is drawn by hand,
and a type of resource that is neither drawn nor named in `LEFT_OUT` stops it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.permissions import ROLE_POLICY, ROOT, Template, listed, name_of, of_type, policies, prod, table

COPY = ROOT / "docs" / "architecture.md"
MARKER = "<!-- {end} {section}: scripts/telemetry.sh document architecture -->"

FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
TABLE = "AWS::DynamoDB::GlobalTable"
API = "AWS::ApiGatewayV2::Api"
STAGE = "AWS::ApiGatewayV2::Stage"
KEY = "AWS::KMS::Key"
LOG = "AWS::Logs::LogGroup"
TOPIC = "AWS::SNS::Topic"
ALARM = "AWS::CloudWatch::Alarm"
POOL = "AWS::Cognito::UserPool"

# How a resource is drawn: Mermaid's brackets, and what it is.
SHAPES = {
    FUNCTION: ('["', '"]', "Lambda function"),
    QUEUE: ('[["', '"]]', "SQS FIFO queue"),
    TABLE: ('[("', '")]', "DynamoDB table"),
    API: ('["', '"]', "API Gateway, HTTP API"),
    POOL: ('["', '"]', "Cognito user pool"),
    KEY: ('{{"', '"}}', "KMS key"),
    LOG: ('[/"', '"/]', "log group"),
    TOPIC: ('(["', '"])', "SNS topic"),
    "AWS::CodeDeploy::DeploymentGroup": ('["', '"]', "CodeDeploy"),
}
# Read for the lines between what is drawn.
READ = {
    ALARM,
    STAGE,
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Version",
    "AWS::Logs::MetricFilter",
    "AWS::SNS::Subscription",
}
# Not drawn, because a line stands for them or nothing comes or goes by them.
LEFT_OUT = {
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain",
    "AWS::Cognito::UserPoolResourceServer",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
# The ways to name a key that encrypts what names it.
ENCRYPTED_BY = {"KmsMasterKeyId", "KMSMasterKeyId", "KmsKeyId"}
MOVES_DATA = ("sqs:", "dynamodb:")
SECONDS_A_DAY = 86_400


@dataclass
class Drawing:
    """A flowchart of Mermaid.

    Attributes:
        template: what is drawn.
        direction: where its lines lead, `LR` for rightwards, `TB` for downwards.
        nodes: how each is declared, by its name in the drawing.
        lines: what each line says, by the names of its two ends.
    """

    template: Template
    direction: str = "LR"
    nodes: dict[str, str] = field(default_factory=dict[str, str])
    lines: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])

    def resource(self, logical_id: str) -> str:
        """Draw a resource; return its name."""
        before, after, kind = SHAPES[self.template["Resources"][logical_id]["Type"]]
        return self.node(name_of(logical_id), f"{name_of(logical_id)}<br>{kind}", before, after)

    def node(self, name: str, text: str, before: str = '["', after: str = '"]') -> str:
        """Draw something else; return its name."""
        self.nodes[name] = f"{before}{text}{after}"
        return name

    def line(self, start: str, end: str, says: str = "") -> None:
        """Draw a line; one that is there says one thing more."""
        said = self.lines.setdefault((start, end), [])
        if says and says not in said:
            said.append(says)

    def text(self) -> str:
        """Return the drawing as Markdown."""
        declared = [f"  {name}{shape}" for name, shape in self.nodes.items()]
        drawn = [
            f"  {start} -->" + (f'|"{"<br>".join(said)}"| ' if said else " ") + end
            for (start, end), said in self.lines.items()
        ]
        return "\n".join(["", "```mermaid", f"flowchart {self.direction}", *declared, *drawn, "```", ""])


def main() -> None:
    """Write the sections into the document."""
    COPY.write_text(filled(COPY.read_text(), prod()))


def filled(document: str, template: Template) -> str:
    """Return a document with what belongs between its markers.

    Raises:
        ValueError: a type of resource that nobody has thought of, or a section without its markers.
    """
    types = {resource["Type"] for resource in template["Resources"].values()}
    if unknown := sorted(types - SHAPES.keys() - READ - LEFT_OUT):
        raise ValueError(f"neither drawn nor left out: {', '.join(unknown)}; see tools/architecture.py")
    for section, text in sections(template).items():
        begin, end = (MARKER.format(end=word, section=section) for word in ("begin", "end"))
        before, marked, rest = document.partition(begin)
        _, ended, after = rest.partition(end)
        if not (marked and ended):
            raise ValueError(f"no markers of {section!r} in the document: {begin} and {end}")
        document = f"{before}{begin}\n{text}\n{end}{after}"
    return document


def sections(template: Template) -> dict[str, str]:
    """Return each section by its name."""
    return {
        "path": path(template).text(),
        "watching": watching(template).text(),
        "keys": keys(template).text(),
        "state": table(("what", "is a", "keeps it", "when the stack is deleted"), state(template)),
    }


def path(template: Template) -> Drawing:
    """Return how an event comes in, and how latest telemetry goes out."""
    # Of many hops: beside each other they would be too small to read.
    drawing = Drawing(template, "TB")
    integrations = of_type(template, "AWS::ApiGatewayV2::Integration")
    for route in sorted(properties_of(template, "AWS::ApiGatewayV2::Route"), key=caller_of):
        caller, has = caller_of(route)
        api = drawing.resource(route["ApiId"]["Ref"])
        drawing.line(drawing.node(caller, has, '(["', '"])'), api)
        integration = integrations[referred(route["Target"])]["Properties"]
        function = function_behind(template, referred(integration["IntegrationUri"]))
        drawing.line(api, drawing.resource(function), route["RouteKey"])
    for authorizer in properties_of(template, "AWS::ApiGatewayV2::Authorizer"):
        issuer = authorizer["JwtConfiguration"]["Issuer"]
        pool = None if isinstance(issuer, str) else referred(issuer)
        end = drawing.resource(pool) if pool else drawing.node("issuer", "token issuer", '(["', '"])')
        drawing.line(drawing.resource(authorizer["ApiId"]["Ref"]), end, "whose tokens it takes")
    for function, action, logical_id in granted(template):
        if action.startswith(MOVES_DATA):
            drawing.line(drawing.resource(function), drawing.resource(logical_id), action.partition(":")[2])
    for source in properties_of(template, "AWS::Lambda::EventSourceMapping"):
        function = function_behind(template, referred(source["FunctionName"]))
        says = (
            f"{source['BatchSize']} messages a batch<br>{source['ScalingConfig']['MaximumConcurrency']} batches at once"
        )
        drawing.line(drawing.resource(referred(source["EventSourceArn"])), drawing.resource(function), says)
    for logical_id, queue in of_type(template, QUEUE).items():
        if redrive := queue["Properties"].get("RedrivePolicy"):
            dead_letters = drawing.resource(referred(redrive["deadLetterTargetArn"]))
            says = f"SQS, after {redrive['maxReceiveCount']} receives"
            drawing.line(drawing.resource(logical_id), dead_letters, says)
    return drawing


def watching(template: Template) -> Drawing:
    """Return which alarms look at what, and whom they tell."""
    drawing = Drawing(template)
    names: dict[str, list[str]] = {}
    for logical_id, alarm in of_type(template, ALARM).items():
        watched = watched_by(template, alarm["Properties"])
        group = f"Alarms{name_of(watched)}" + ("Version" if of_a_version(template, alarm["Properties"]) else "")
        names.setdefault(group, []).append(alarm_name(logical_id))
        drawing.line(drawing.resource(watched), group)
        for action in alarm["Properties"]["AlarmActions"]:
            drawing.line(group, drawing.resource(referred(action)))
    for group, alarms in names.items():
        drawing.node(group, "<br>".join(alarms), '>"', '"]')
    for subscription in properties_of(template, "AWS::SNS::Subscription"):
        # Not whom: that is a setting of the stage.
        told = drawing.node(subscription["Protocol"], f"{subscription['Protocol']} of the stage's team", '(["', '"])')
        drawing.line(drawing.resource(referred(subscription["TopicArn"])), told)
    groups = of_type(template, "AWS::CodeDeploy::DeploymentGroup")
    for logical_id, group in groups.items():
        for alarm in group["Properties"]["AlarmConfiguration"]["Alarms"]:
            ringing = next(name for name, alarms in names.items() if alarm_name(referred(alarm["Name"])) in alarms)
            drawing.line(ringing, drawing.resource(logical_id), "rolls back")
    for alias in of_type(template, "AWS::Lambda::Alias").values():
        if moved_by := alias.get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate"):
            group = drawing.resource(referred(moved_by["DeploymentGroupName"]))
            function = drawing.resource(alias["Properties"]["FunctionName"]["Ref"])
            drawing.line(group, function, f"leads its alias {alias['Properties']['Name']}")
    return drawing


def keys(template: Template) -> Drawing:
    """Return which key encrypts what, which function may use it, and which logs are written."""
    drawing = Drawing(template)
    for logical_id, key in encrypted(template):
        drawing.line(drawing.resource(key), drawing.resource(logical_id), "encrypts")
    for function, action, logical_id in granted(template):
        if action.startswith("kms:"):
            drawing.line(drawing.resource(function), drawing.resource(logical_id), "uses")
    for logical_id, function in of_type(template, FUNCTION).items():
        log = drawing.resource(referred(function["Properties"]["LoggingConfig"]["LogGroup"]))
        drawing.line(drawing.resource(logical_id), log, "logs")
    for stage in properties_of(template, STAGE):
        log = drawing.resource(referred(stage["AccessLogSettings"]["DestinationArn"]))
        drawing.line(drawing.resource(stage["ApiId"]["Ref"]), log, "logs")
    return drawing


def state(template: Template) -> Iterator[tuple[str, ...]]:
    """Yield what keeps something: what it is, for how long, and what becomes of it with the stack."""
    stays = {"Retain": "stays", "Delete": "goes", None: "goes"}
    for logical_id, resource in template["Resources"].items():
        if kept := how_long(resource["Type"], resource.get("Properties", {})):
            _, _, kind = SHAPES[resource["Type"]]
            yield name_of(logical_id), kind, kept, stays[resource.get("DeletionPolicy")]


def how_long(resource_type: str, properties: Mapping[str, Any]) -> str:
    """Return for how long a resource keeps what is in it; nothing where it keeps nothing."""
    match resource_type:
        case "AWS::DynamoDB::GlobalTable":
            (replica,) = properties["Replicas"]
            limit = f"until `{properties['TimeToLiveSpecification']['AttributeName']}`, where an item has it"
            recovers = replica.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
            return limit + ("; as it was at any second of the last 35 days, too" if recovers else "")
        case "AWS::SQS::Queue":
            return f"{properties['MessageRetentionPeriod'] // SECONDS_A_DAY} days at most"
        case "AWS::Logs::LogGroup":
            return f"{properties['RetentionInDays']} days"
        case "AWS::KMS::Key" | "AWS::Cognito::UserPool":
            return "always"
        case _:
            return ""


def caller_of(route: Mapping[str, Any]) -> tuple[str, str]:
    """Return who may call a route, by what API Gateway asks of them: a name for the drawing, and the words."""
    if route["AuthorizationType"] == "NONE":
        return "without_a_token", "anybody"
    (scope,) = route["AuthorizationScopes"]
    return re.sub(r"\W", "_", scope), f"who has a token with<br>{scope}"


def granted(template: Template) -> Iterator[tuple[str, str, str]]:
    """Yield the functions, each with an action that its role has and the logical id of what it is on."""
    roles = {referred(each["Properties"]["Role"]): name for name, each in of_type(template, FUNCTION).items()}
    for policy in policies(template):
        if policy.place != ROLE_POLICY:
            continue
        (role,) = policy.resource["Properties"]["Roles"]
        for statement in policy.statements:
            if referred(role) in roles and statement["Resource"] != "*":
                for action in listed(statement["Action"]):
                    yield roles[referred(role)], action, referred(statement["Resource"])


def watched_by(template: Template, alarm: Mapping[str, Any]) -> str:
    """Return the logical id of what an alarm's metric is about.

    Raises:
        ValueError: nothing of the template has such a metric.
    """
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    for name in ("FunctionName", "QueueName", "TableName"):
        if name in dimensions:
            return referred(dimensions[name])
    for logical_id, function in of_type(template, FUNCTION).items():
        if function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == dimensions.get("service"):
            return logical_id
    for filtered in properties_of(template, "AWS::Logs::MetricFilter"):
        if any(each["MetricName"] == alarm["MetricName"] for each in filtered["MetricTransformations"]):
            return referred(filtered["LogGroupName"])
    raise ValueError(f"nothing has the metric {alarm['MetricName']} with {sorted(dimensions)}")


def of_a_version(template: Template, alarm: Mapping[str, Any]) -> bool:
    """Tell whether an alarm is about one version of a function."""
    versions = of_type(template, "AWS::Lambda::Version")
    values = (each["Value"] for each in alarm["Dimensions"])
    return any(referred(value) in versions for value in values if not isinstance(value, str))


def alarm_name(logical_id: str) -> str:
    """Return what the documents call an alarm: one of a version has the version's hash within."""
    of_version = re.sub(r"FunctionCurrentVersion[0-9A-Fa-f]{40}", "Version", logical_id)
    return name_of(of_version).removeprefix("Monitoring")


def encrypted(template: Template) -> Iterator[tuple[str, str]]:
    """Yield each resource that names a key to encrypt it, with that key, both by their logical ids."""
    for logical_id, resource in template["Resources"].items():
        for key in keys_named(resource.get("Properties", {})):
            yield logical_id, key


def keys_named(value: Any) -> Iterator[str]:  # noqa: ANN401 - a template is JSON
    """Yield the logical id of each key that encrypts, in a part of a template."""
    match value:
        case dict():
            for name, each in value.items():  # pyright: ignore[reportUnknownVariableType]
                yield from (referred(each),) if name in ENCRYPTED_BY else keys_named(each)
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from keys_named(each)
        case _:
            return


def function_behind(template: Template, logical_id: str) -> str:
    """Return the function that is invoked, be it by its alias."""
    resource = template["Resources"][logical_id]
    return referred(resource["Properties"]["FunctionName"]) if resource["Type"] == "AWS::Lambda::Alias" else logical_id


def properties_of(template: Template, resource_type: str) -> Sequence[Mapping[str, Any]]:
    """Return the properties of each resource of a type, in the order of their logical ids."""
    return [resource["Properties"] for resource in of_type(template, resource_type).values()]


def referred(value: Any) -> str:  # noqa: ANN401 - a template is JSON
    """Return the logical id of the one resource that a part of a template refers to.

    Raises:
        ValueError: it refers to none, or to several.
    """
    found = {name for name in references(value) if not name.startswith("AWS::")}
    if len(found) != 1:
        raise ValueError(f"not one resource: {value!r}")
    return found.pop()


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - a template is JSON
    """Yield the names that a part of a template refers to."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            yield name
        case dict():
            for each in value.values():  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)
        case list():
            for each in value:  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)
        case _:
            return
