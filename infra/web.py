"""The web stack: CloudFront, one origin for API, large bodies and pages."""

from __future__ import annotations

from aws_cdk import Annotations, Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.api import ApiStack
from infra.archive import Archive
from infra.components.acknowledge import REGULATIONS, acknowledge
from infra.components.rest_api import STAGE
from infra.components.web_acl import TOKEN_HEADER, VIEWER_HEADER
from infra.options import Options
from infra.web_log import REGION

_LOG_DAYS = Duration.days(400)
_OLD_LOG_DAYS = Duration.days(30)
_ANSWERS_WITHIN = Duration.seconds(60)
"""More than API Gateway's 29 s, so that its own answer arrives."""

_NAME_THE_VIEWER = f"""
function handler(event) {{
  var request = event.request;
  request.headers["{VIEWER_HEADER}"] = {{ value: event.viewer.ip }};
  return request;
}}
"""
_ONLY_SIGNED_QUERIES = """
function handler(event) {
  var request = event.request;
  request.uri = request.uri.replace(/^\\/blobs\\//, "/");
  var kept = {};
  ["response-content-disposition", "response-content-type"].forEach(function (name) {
    if (request.querystring[name]) { kept[name] = request.querystring[name]; }
  });
  request.querystring = kept;
  return request;
}
"""


class WebStack(Stack):
    """The distribution, its log and what it does with a request on its way."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        archive: Archive,
        api: ApiStack,
        options: Options,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Nephele: the web's one origin",
            env=options.environment,
        )
        front = options.front
        certificate = front.certificate_arn and acm.Certificate.from_certificate_arn(
            self, "Certificate", front.certificate_arn
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment="Nephele",
            default_behavior=self._to_api(api),
            additional_behaviors=self._to_bucket(archive, api),
            domain_names=[front.domain] if front.domain else None,
            certificate=certificate or None,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            price_class=cloudfront.PriceClass.PRICE_CLASS_ALL,
        )
        acknowledge(self.distribution, _REASONS)
        logs = self._create_log_bucket()
        if front.web_log is None:
            Annotations.of(self).add_warning_v2("nephele:web-log", _NO_LOG)
        if not front.domain:
            acknowledge(self.distribution, {"CFR4": _NO_DOMAIN})
        name = front.domain or self.distribution.distribution_domain_name
        CfnOutput(
            self,
            "LogOptions",
            value=f"-c web_log_distribution={self.distribution.distribution_id}"
            f" -c web_log_bucket={logs.bucket_name}",
            description="Of the next deployment, which then logs requests",
        )
        CfnOutput(self, "Url", value=f"https://{name}", description="Orthanc's REST API")

    def _to_api(self, api: ApiStack) -> cloudfront.BehaviorOptions:
        host = f"{api.rest.api.rest_api_id}.execute-api.{Aws.REGION}.{Aws.URL_SUFFIX}"
        origin = origins.HttpOrigin(
            host,
            origin_path=f"/{STAGE}",
            protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
            origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
            read_timeout=_ANSWERS_WITHIN,
            custom_headers={TOKEN_HEADER: api.front_token},
        )
        return cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            compress=False,
            function_associations=[self._on_request("Viewer", _NAME_THE_VIEWER)],
        )

    def _to_bucket(
        self, archive: Archive, api: ApiStack
    ) -> dict[str, cloudfront.BehaviorOptions] | None:
        """Serve `/blobs/*` from the bucket; without a key of ours the API redirects to it."""
        if api.blob_keys is None:
            return None
        control = cloudfront.S3OriginAccessControl(
            self, "Control", signing=cloudfront.Signing.SIGV4_ALWAYS
        )
        bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Bucket",
            bucket_name=archive.bucket.bucket_name,
            bucket_regional_domain_name=archive.bucket.bucket_regional_domain_name,
        )  # its policy is the data stack's
        origin = origins.S3BucketOrigin.with_origin_access_control(
            bucket, origin_access_control=control, origin_access_levels=[]
        )
        policy = cloudfront.OriginRequestPolicy(
            self,
            "BlobQueries",
            comment="Nephele: what S3 is told of an answer's headers",
            query_string_behavior=cloudfront.OriginRequestQueryStringBehavior.allow_list(
                "response-content-disposition", "response-content-type"
            ),
        )
        behavior = cloudfront.BehaviorOptions(
            origin=origin,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=policy,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            compress=False,
            trusted_key_groups=[api.blob_keys.group],
            function_associations=[self._on_request("Blob", _ONLY_SIGNED_QUERIES)],
        )
        return {"/blobs/*": behavior}

    def _on_request(self, construct_id: str, code: str) -> cloudfront.FunctionAssociation:
        function = cloudfront.Function(
            self,
            construct_id,
            code=cloudfront.FunctionCode.from_inline(code.strip()),
            runtime=cloudfront.FunctionRuntime.JS_2_0,
        )
        return cloudfront.FunctionAssociation(
            function=function, event_type=cloudfront.FunctionEventType.VIEWER_REQUEST
        )

    def _create_log_bucket(self) -> s3.Bucket:
        """Create the bucket of CloudFront's log, to which CloudWatch Logs delivers it."""
        bucket = s3.Bucket(
            self,
            "Logs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            lifecycle_rules=[
                s3.LifecycleRule(expiration=_LOG_DAYS, noncurrent_version_expiration=_OLD_LOG_DAYS)
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        deliveries = f"arn:{Aws.PARTITION}:logs:{REGION}:{Aws.ACCOUNT_ID}:delivery-source:*"
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LogsOfOurDistribution",
                principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"AWSLogs/{Aws.ACCOUNT_ID}/CloudFront/*")],
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Aws.ACCOUNT_ID,
                        "s3:x-amz-acl": "bucket-owner-full-control",
                    },
                    "ArnLike": {"aws:SourceArn": deliveries},
                },
            )
        )
        acknowledge(bucket, {"S1": "It holds logs itself; logging its access would never end."})
        acknowledge(bucket, _LOG_REASONS, REGULATIONS)
        return bucket


_LOG_REASONS = {
    "S3BucketLoggingEnabled": "It holds logs itself; logging its access would never end.",
    "S3BucketReplicationEnabled": "A log of requests is kept in one region, as the requests are.",
    "S3DefaultEncryptionKMS": (
        "It has addresses and paths, nothing of patients: the key of S3 encrypts it, which a"
        " delivery from another region needs no right to."
    ),
}
_NO_LOG = (
    "CloudFront logs nothing yet: deploy once more with the options that the web stack prints"
    " (LogOptions)"
)
_REASONS = {
    "CFR1": "Who may ask is decided by a login, not by the country an address seems to be in.",
    "CFR2": (
        "The firewall stands at the API, which lets in only what came through CloudFront and counts"
        " the viewers' own addresses; /blobs/ needs a signature that expires."
    ),
    "CFR3": (
        "The log this asks for has queries, which may name patients. The web-log stack has another,"
        " of chosen fields, as soon as it is told of the distribution (docs/operations.md)."
    ),
}
_NO_DOMAIN = (
    "Without a domain of one's own CloudFront shows its own certificate, with which it cannot be"
    " told to refuse old versions of TLS; domain and certificate_arn change that."
)
