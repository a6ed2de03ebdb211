"""What the protocols refuse: gaps, depth, doubles and types that are not those of the shape."""

import math
import warnings

import cbor2
import pytest

from entrepot.aws.faults import Serialization
from entrepot.aws.models import Model, refusal
from entrepot.aws.protocols import cbor, json, query
from entrepot.aws.protocols.walk import UnknownMember
from entrepot.errors import InvalidParameter

ECR, CLOUDWATCH, IAM = Model("ecr"), Model("cloudwatch"), Model("iam")
DESCRIBE = ECR.operation("DescribeImages")
PUT_METRICS = CLOUDWATCH.operation("PutMetricData")
TAG_USER = IAM.operation("TagUser")
GET_STATISTICS = CLOUDWATCH.operation("GetMetricStatistics")


def form(text: str) -> dict[str, str]:
    return query.form(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "Tags.member.1001.Key=a",
        "Tags.member.99999999.Key=a",
        "Tags.member.0.Key=a",
        "Tags.member.01.Key=a",
        "Tags.member.-1.Key=a",
        "Tags.member.x.Key=a",
        "Tags.member.1.Key.deeper=a",
        "a..b=1",
        ".=1",
        "x=1&" + ".".join("a" * 65) + "=1",
        "UserName=a&UserName=b",
        "UserName=%ff",
        "UserName=a%00",
        "UserName=a\0",
    ],
)
def test_a_form_beyond_its_bounds_is_refused(text):
    with pytest.raises(Serialization):
        query.parse(TAG_USER, form(text))


def test_the_elements_of_a_list_come_in_the_order_of_their_numbers_and_gaps_close():
    found = query.parse(TAG_USER, form("Tags.member.1000.Key=c&Tags.member.2.Key=a&Tags.member.10.Key=b"))

    assert found == {"Tags": [{"Key": "a"}, {"Key": "b"}, {"Key": "c"}]}


def test_an_empty_list_is_a_name_without_a_value():
    assert query.parse(TAG_USER, form("Tags=")) == {"Tags": []}


@pytest.mark.parametrize("value", ["", "1.5", "x", "99999999999", "0x10", "1_0", "٣"])
def test_a_number_in_a_form_must_be_one(value):
    with pytest.raises(Serialization):
        query.parse(IAM.operation("ListUsers"), {"MaxItems": value})


@pytest.mark.parametrize("value", ["", "True", "1", "yes"])
def test_a_boolean_in_a_form_is_true_or_false(value):
    with pytest.raises(Serialization):
        query.parse(IAM.operation("UpdateAccountPasswordPolicy"), {"RequireSymbols": value})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-01-02T03:04:05Z", 1767323045.0),
        ("2026-01-02T03:04:05.250Z", 1767323045.25),
        ("2026-01-02T04:04:05+01:00", 1767323045.0),
        ("2026-01-02T03:04:05", 1767323045.0),
    ],
)
def test_times_in_a_form_are_iso_8601(value, seconds):
    assert query.parse(GET_STATISTICS, {"StartTime": value}) == {"StartTime": seconds}


@pytest.mark.parametrize("value", ["", "now", "2026-13-01T00:00:00Z"])
def test_another_time_in_a_form_is_refused(value):
    with pytest.raises(Serialization):
        query.parse(GET_STATISTICS, {"StartTime": value})


def test_a_plus_in_a_signed_query_is_a_plus_and_in_a_body_a_blank():
    assert query.form(b"a=b+c%2Bd") == {"a": "b c+d"}
    assert query.form(b"a=b+c%2Bd", plus_is_blank=False) == {"a": "b+c+d"}


def test_xml_escapes_what_it_cannot_hold():
    answer = query.render(IAM.operation("GetUser"), {"User": {"UserName": "<&>\x00\x1f\r\n\t\ufffe'\""}}, "id")

    assert "<UserName>&lt;&amp;&gt;\ufffd\ufffd&#13;\n\t\ufffd'\"</UserName>" in answer.body.decode()


def test_a_message_is_escaped_in_xml():
    answer = query.render_fault(None, refusal(InvalidParameter(parameter="<a>", reason="&"), None), "id")

    assert b"Invalid parameter at '&lt;a&gt;' failed to satisfy constraint: '&amp;'" in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b'{"repositoryName": 1}',
        b'{"repositoryName": ["a"]}',
        b'{"imageIds": {}}',
        b'{"imageIds": [1]}',
        b'{"imageIds": "a"}',
        b'{"repositoryName": "a\\u0000"}',
        b'{"filter": []}',
        b'{"maxResults": 1.0}',
        b'{"maxResults": 2147483648}',
        b'{"maxResults": false}',
        b"null",
        b"\xff\xfe{}",
    ],
)
def test_json_of_another_type_is_refused(body):
    with pytest.raises(Serialization):
        json.parse(DESCRIBE, body)


def test_a_null_is_absent_and_an_unknown_member_is_ignored():
    assert json.parse(DESCRIBE, b'{"repositoryName": "a", "maxResults": null, "x": [1]}') == {"repositoryName": "a"}


@pytest.mark.parametrize("blob", ["x", "!!!!", "YQ", "YQ==YQ==", " YQ==", "YQ==\\n", "é"])
def test_base64_is_strict(blob):
    with pytest.raises(Serialization):
        json.parse(ECR.operation("UploadLayerPart"), f'{{"layerPartBlob": "{blob}"}}'.encode())


def test_a_long_body_obeys_the_same_rules_of_types():
    body = b'{"repositoryName": 1, "unknown": "' + b"x" * (1 << 20) + b'"}'

    with pytest.raises(Serialization):
        json.parse(DESCRIBE, body)


@pytest.mark.parametrize(
    ("value", "seconds"), [("1700000000.5", 1700000000.5), ('"2026-01-02T03:04:05Z"', 1767323045.0)]
)
def test_times_in_json_are_numbers_or_iso_8601(value, seconds):
    assert json.parse(GET_STATISTICS, f'{{"StartTime": {value}}}'.encode()) == {"StartTime": seconds}


@pytest.mark.parametrize("value", ["1e300", "-1e300", '"NaN"', "1" + "0" * 400, "true", '"soon"'])
def test_a_time_beyond_the_calendar_is_refused(value):
    with pytest.raises(Serialization):
        json.parse(GET_STATISTICS, f'{{"StartTime": {value}}}'.encode())


def test_numbers_that_json_lacks_travel_by_name():
    answer = json.render(
        CLOUDWATCH.operation("GetMetricData"), {"MetricDataResults": [{"Values": [math.nan, -math.inf, 1.5]}]}, ""
    )

    assert answer.body == b'{"MetricDataResults":[{"Values":["NaN","-Infinity",1.5]}]}'
    parsed = json.parse(PUT_METRICS, b'{"MetricData": [{"Value": "Infinity"}]}')
    assert parsed == {"MetricData": [{"Value": math.inf}]}


@pytest.mark.parametrize("protocol", [json, cbor])
def test_a_result_that_the_shape_lacks_is_an_error_under_test(protocol):
    with pytest.raises(UnknownMember, match="'imageDetail'"):
        protocol.render(DESCRIBE, {"imageDetail": []}, "")


def test_in_production_it_is_dropped():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnknownMember)

        assert json.render(DESCRIBE, {"imageDetail": [], "nextToken": None}, "").body == b"{}"


@pytest.mark.parametrize("tag", [*range(1), *range(2, 70), 100, 256, 258, 260, 261, 1004, 43000, 55799, 70000])
def test_cbor_makes_no_objects_of_tags(tag):
    body = cbor2.dumps({"Unknown": 0}).replace(b"\x00", cbor2.dumps(cbor2.CBORTag(tag, "a+")))

    with pytest.raises(Serialization):
        cbor.parse(PUT_METRICS, body)


@pytest.mark.parametrize(
    "body",
    [
        b"\xa2\x61a\x01\x61a\x02",
        b"\xa1\x61a" + b"\x81" * 70 + b"\x01",
        b"\xa1\x01\x02",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x69Namespace\x01",
        b"\xa1\x69Namespace\x61\xff",
        b"\xa1\x69Namespace\x61\0",
        b"\x81\x01",
        b"\xff",
    ],
)
def test_cbor_beyond_its_bounds_is_refused(body):
    with pytest.raises(Serialization):
        cbor.parse(PUT_METRICS, body)


def test_cbor_of_indefinite_length_is_read():
    assert cbor.parse(PUT_METRICS, b"\xbf\x69Namespace\x7f\x61a\x61b\xff\xff") == {"Namespace": "ab"}
    assert cbor.parse(PUT_METRICS, b"") == {}


def test_services_that_spoke_query_first_tell_its_code_in_a_header():
    found = refusal(InvalidParameter(parameter="a", reason="b"), CLOUDWATCH)

    for protocol in (json, cbor):
        headers = dict(protocol.render_fault(CLOUDWATCH, found, "id").headers)
        assert headers[b"x-amzn-query-error"] == b"InvalidParameter;Sender"
