"""Runs two of Google's generated clients over their REST transports against a gateway: `clients.py HOST:PORT`.

Prints a line for each case: `ok NAME`, or `failed NAME: WHY`.
"""

import datetime
import sys
import traceback

from google.ai import generativelanguage_v1beta as generative
from google.ai.generativelanguage_v1beta.services.generative_service.transports import GenerativeServiceRestTransport
from google.ai.generativelanguage_v1beta.services.model_service.transports import ModelServiceRestTransport
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import kms_v1 as kms
from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceRestTransport
from google.protobuf.field_mask_pb2 import FieldMask

PLACE = {"host": sys.argv[1], "url_scheme": "http", "credentials": AnonymousCredentials()}
keys = kms.KeyManagementServiceClient(transport=KeyManagementServiceRestTransport(**PLACE))
content = generative.GenerativeServiceClient(transport=GenerativeServiceRestTransport(**PLACE))
models = generative.ModelServiceClient(transport=ModelServiceRestTransport(**PLACE))

LOCATION = "projects/p/locations/l"
RING = f"{LOCATION}/keyRings/r"
KEY = f"{RING}/cryptoKeys/k"
ONCE = {"retry": None, "timeout": 20}

CASES = []


def case(function):
    CASES.append(function)
    return function


def mask(*paths):
    return FieldMask(paths=paths)


def same(found, expected):
    assert found == expected, f"expected {expected!r}, got {found!r}"


@case
def a_get_brings_enums_nested_messages_and_maps():
    key = keys.get_crypto_key(name=KEY, **ONCE)
    same(key.name, KEY)
    same(key.purpose, kms.CryptoKey.CryptoKeyPurpose.ENCRYPT_DECRYPT)
    same(key.primary.state, kms.CryptoKeyVersion.CryptoKeyVersionState.ENABLED)
    same(key.primary.protection_level, kms.ProtectionLevel.HSM)
    same(dict(key.labels), {"a": "b"})


@case
def a_list_goes_from_page_to_page():
    request = kms.ListKeyRingsRequest(parent=LOCATION, page_size=2)
    rings = [ring.name for ring in keys.list_key_rings(request=request, **ONCE)]
    same(rings, [f"{LOCATION}/keyRings/{i}" for i in range(4)])


@case
def enums_in_the_query():
    view = kms.CryptoKeyVersion.CryptoKeyVersionView.FULL
    request = kms.ListCryptoKeysRequest(parent=RING, version_view=view, filter='state="a b&c"')
    same([key.name for key in keys.list_crypto_keys(request=request, **ONCE)], ['FULL state="a b&c"'])
    request = kms.GetPublicKeyRequest(name=f"{KEY}/cryptoKeyVersions/1", public_key_format=kms.PublicKey.PublicKeyFormat.DER)
    public = keys.get_public_key(request=request, **ONCE)
    same(public.pem, "DER")
    same(public.algorithm, kms.CryptoKeyVersion.CryptoKeyVersionAlgorithm.EC_SIGN_P256_SHA256)


@case
def a_create_with_a_body_field_and_a_query():
    key = kms.CryptoKey(purpose="ASYMMETRIC_SIGN", rotation_period=datetime.timedelta(days=1, milliseconds=5))
    request = kms.CreateCryptoKeyRequest(parent=RING, crypto_key_id="new", crypto_key=key, skip_initial_version_creation=True)
    made = keys.create_crypto_key(request=request, **ONCE)
    same(made.name, f"{RING}/cryptoKeys/new")
    same(made.purpose, kms.CryptoKey.CryptoKeyPurpose.ASYMMETRIC_SIGN)
    same(made.rotation_period, datetime.timedelta(days=1, milliseconds=5))
    same(dict(made.labels), {"skipped": "true"})


@case
def an_update_with_a_mask():
    request = kms.UpdateCryptoKeyRequest(crypto_key=kms.CryptoKey(name=KEY), update_mask=mask("labels", "version_template.algorithm"))
    same(dict(keys.update_crypto_key(request=request, **ONCE).labels), {"mask": "labels version_template.algorithm"})


@case
def bytes_and_wrappers_in_a_body_and_a_verb():
    request = kms.EncryptRequest(name=KEY, plaintext=b"\x00\xffa", plaintext_crc32c=2**40)
    answer = keys.encrypt(request=request, **ONCE)
    same(answer.ciphertext, b"a\xff\x00")
    same(answer.ciphertext_crc32c, 2**40)
    same(answer.protection_level, kms.ProtectionLevel.SOFTWARE)
    gone = keys.destroy_crypto_key_version(name=f"{KEY}/cryptoKeyVersions/1", **ONCE)
    same(gone.state, kms.CryptoKeyVersion.CryptoKeyVersionState.DESTROY_SCHEDULED)
    same(gone.destroy_time, datetime.datetime(2023, 11, 14, 22, 13, 20, 5000, tzinfo=datetime.timezone.utc))


@case
def an_error_with_its_text():
    try:
        keys.get_crypto_key(name=f"{RING}/cryptoKeys/none", **ONCE)
    except exceptions.NotFound as error:
        assert "no such key" in error.message, error.message
    else:
        raise AssertionError("expected NotFound")


@case
def a_message_of_messages():
    request = generative.GenerateContentRequest(
        model="models/m",
        contents=[generative.Content(role="user", parts=[generative.Part(text="hello é")])],
        generation_config=generative.GenerationConfig(max_output_tokens=7),
    )
    answer = content.generate_content(request=request, **ONCE)
    same(answer.candidates[0].content.parts[0].text, "hello é 7")
    same(answer.candidates[0].finish_reason, generative.Candidate.FinishReason.STOP)
    same(content.count_tokens(model="models/m", contents=request.contents, **ONCE).total_tokens, 1)


@case
def a_server_stream():
    request = generative.GenerateContentRequest(model="models/m", contents=[generative.Content(parts=[generative.Part(text="x")])])
    answers = list(content.stream_generate_content(request=request, **ONCE))
    same([answer.candidates[0].content.parts[0].text for answer in answers], ["one", 'two, "three"', "] }"])
    same(answers[2].candidates[0].finish_reason, generative.Candidate.FinishReason.MAX_TOKENS)


@case
def a_server_stream_that_fails_before_it_begins():
    request = generative.GenerateContentRequest(model="models/none", contents=[generative.Content(parts=[generative.Part(text="x")])])
    try:
        list(content.stream_generate_content(request=request, **ONCE))
    except exceptions.TooManyRequests as error:
        assert "slow down" in str(error), str(error)
    else:
        raise AssertionError("expected TooManyRequests")


@case
def models_by_the_page_and_floats():
    found = list(models.list_models(page_size=50, **ONCE))
    same([model.name for model in found], ["models/a", "models/b", "models/c"])
    same((found[0].temperature, found[0].output_token_limit), (0.5, 50))


@case
def an_update_and_a_delete():
    tuned = generative.TunedModel(name="tunedModels/t", display_name="T")
    request = generative.UpdateTunedModelRequest(tuned_model=tuned, update_mask=mask("display_name", "tuning_task.hyperparameters"))
    changed = models.update_tuned_model(request=request, **ONCE)
    same(changed.display_name, "T")
    same(changed.description, "display_name tuning_task.hyperparameters")
    same(changed.state, generative.TunedModel.State.ACTIVE)
    same(models.delete_tuned_model(name="tunedModels/t", **ONCE), None)


for function in CASES:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print(f"ok {name}", flush=True)
    except Exception as error:  # the other cases run after any error
        traceback.print_exc()
        print(f"failed {name}: {type(error).__name__}: {str(error)[:300]!r}", flush=True)
