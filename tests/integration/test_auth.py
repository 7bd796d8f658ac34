"""Tokens, keys and the limits on guessing, against the real server."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import stat
import subprocess
import time

import pytest
from websockets.client import connect

from conftest import wait_until

WRONG_KEY = "this-is-not-the-key"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def forge(claims, secret, header=None):
    """A token with any header and claims, signed as HS256."""
    head = {"alg": "HS256", "typ": "JWT"} if header is None else header
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def good_claims(**changes):
    now = int(time.time())
    claims = {"iss": "airclass", "aud": "airclass", "sub": "eve", "role": "teacher", "class": "stream", "path": "live/stream",
              "action": "publish", "iat": now, "nbf": now, "exp": now + 600}
    claims.update(changes)
    return {name: value for name, value in claims.items() if value is not None}


def ask(server, body=None, query="", **arguments):
    return server.post("/api/token" + query, json_body=body, **arguments)


def ingest(server, token, path="live/stream"):
    """Something that only a teacher of that class may see."""
    return server.get(f"/api/streams/{path}/ingest", token=token)


@pytest.fixture
def server(airclassd):
    return airclassd(plugins=[])


def test_secrets_are_for_the_server_alone(server):
    folder = server.state / "auth"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["jwt-secret", "stream-key", "stream-key-seed", "teacher-key"]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().strip()) >= 24
    assert len(server.secret("jwt-secret")) >= 32


def test_secrets_outlive_a_restart(airclassd):
    server = airclassd(plugins=[])
    before, token = server.teacher_key, server.token("teacher", action="publish")
    server.stop()
    server.start()
    assert server.teacher_key == before
    assert ingest(server, token).status == 200


@pytest.mark.parametrize("mode", [0o644, 0o660])
def test_a_secret_that_others_may_read_is_refused(airclassd, mode):
    server = airclassd(plugins=[])
    server.stop()
    os.chmod(server.state / "auth" / "jwt-secret", mode)
    server.start(wait=False)
    assert server.process.wait(20) != 0
    server.process = None
    assert "jwt-secret" in server.log_text() and "0600" in server.log_text()


@pytest.mark.parametrize("role", ["student", "teacher", "monitor", "admin"])
def test_each_role(server, role):
    body = {"user_type": role, "user_id": "김", "action": "read", "class_id": "algebra", "key": server.teacher_key}
    answer = ask(server, body)
    assert answer.status == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json
    assert document["expires_in"] == 3600
    assert document["webrtc_url"] == f"{server.url}/live/algebra/whep?jwt={document['token']}"
    assert document["ws_url"].startswith(server.websocket_url + "/ws/")
    assert document["hls_url"].startswith(f"{server.url}/live/algebra/index.m3u8?jwt=")
    claims = claims_of(document["token"])
    assert (claims["sub"], claims["role"], claims["class"], claims["path"]) == ("김", role, "algebra", "live/algebra")
    assert (claims["action"], claims["iss"], claims["aud"]) == ("read", "airclass", "airclass")
    assert claims["exp"] - claims["iat"] == 3600 and claims["jti"] and claims["fam"]


def test_by_query_and_by_default(server):
    answer = ask(server, query="?user_type=student&user_id=kim&action=read&class_id=b")
    assert answer.status == 200, answer.text
    assert claims_of(answer.json["token"])["class"] == "b"
    answer = ask(server)
    assert answer.status == 200, answer.text
    claims = claims_of(answer.json["token"])
    assert (claims["role"], claims["path"], claims["action"]) == ("student", "live/stream", "read")


def test_credentials(server):
    for role in ("teacher", "monitor", "admin"):
        assert ask(server, {"user_type": role}).status == 401
        assert ask(server, {"user_type": role, "key": server.stream_key}).status == 403
        assert ask(server, {"user_type": role}, token=server.teacher_key).status == 200
    # An address ends up in histories and logs, so no key is taken from it.
    assert ask(server, query=f"?user_type=teacher&key={server.teacher_key}").status == 401
    assert ask(server, {"user_type": "student", "action": "publish"}).status == 403
    assert ask(server, {"user_type": "teacher", "key": WRONG_KEY}).status == 401
    answer = ask(server, {"user_type": "teacher", "key": WRONG_KEY})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "/problems/unauthorized"


@pytest.mark.parametrize("body", [{"user_type": "node"}, {"user_type": "root"}, {"class_id": "a/b"}, {"class_id": ".."}, {"user_id": ""},
                                  {"user_id": "a\r\nb"}, {"action": "own"}, {"user_id": 7}, ["student"]])
def test_malformed_requests(server, body):
    assert ask(server, body).status == 400


def test_malformed_bodies(server):
    json_type = {"Content-Type": "application/json"}
    assert server.post("/api/token", body="{", headers=json_type).status == 400
    assert server.post("/api/token", body="[" * 3000, headers=json_type).status == 400
    assert server.post("/api/token", body="{}", headers={"Content-Type": "text/plain"}).status == 415
    assert server.post("/api/token", body="x" * 100000, headers=json_type).status == 413


def test_admin_key(airclassd):
    server = airclassd({"auth": {"admin_key": "the-admins-own-key"}}, plugins=[])
    assert ask(server, {"user_type": "admin", "key": server.teacher_key}).status == 403
    assert ask(server, {"user_type": "admin", "key": "the-admins-own-key"}).status == 200
    assert ask(server, {"user_type": "teacher", "key": "the-admins-own-key"}).status == 200
    assert "the-admins-own-key" not in server.log_text()


def test_refresh(server):
    first = ask(server, {"user_id": "kim"}).json["token"]
    answer = server.post("/api/token/refresh", token=first)
    assert answer.status == 200, answer.text
    old, new = claims_of(first), claims_of(answer.json["token"])
    assert new["jti"] != old["jti"] and new["exp"] >= old["exp"]
    for name in ("sub", "role", "class", "path", "action", "fam", "auth_time"):
        assert new[name] == old[name]
    again = server.post(f"/api/token/refresh?jwt={answer.json['token']}")
    assert again.status == 200
    assert server.post("/api/token/refresh").status == 401
    assert server.post("/api/token/refresh", token=server.teacher_key).status == 401
    assert server.post("/api/token/refresh", token=first + "x").status == 401


def test_session_lifetime(airclassd):
    server = airclassd({"auth": {"token_lifetime": "24h", "session_lifetime": "1min"}}, plugins=[])
    answer = ask(server)
    assert answer.json["expires_in"] == 60
    claims = claims_of(answer.json["token"])
    later = server.post("/api/token/refresh", token=answer.json["token"])
    assert claims_of(later.json["token"])["exp"] <= claims["auth_time"] + 60
    old = good_claims(fam="f", jti="j", auth_time=int(time.time()) - 61)
    assert server.post("/api/token/refresh", token=forge(old, server.secret("jwt-secret"))).status == 403


def test_tokens_and_keys_at_the_door(server):
    assert ingest(server, server.teacher_key).status == 200
    assert ingest(server, server.token("teacher", action="publish")).status == 200
    assert ingest(server, server.token("teacher", action="publish", class_id="algebra")).status == 403
    assert ingest(server, server.token("teacher", action="read")).status == 403
    assert ingest(server, server.token("admin", action="publish", class_id="algebra")).status == 200
    for role in ("student", "monitor"):
        assert ingest(server, server.token(role)).status == 403
    assert ingest(server, server.stream_key).status == 401
    assert server.get("/api/streams/live/stream/ingest").status == 401
    assert server.get(f"/api/streams/live/stream/ingest?jwt={server.token('teacher', action='publish')}").status == 200


def attacks(secret):
    other = "0123456789abcdef0123456789abcdef"
    expired = good_claims(exp=int(time.time()) - 61)
    good = forge(good_claims(), secret)
    head, body, signature = good.split(".")
    return {
        "none": f"{encode(json.dumps({'alg': 'none'}).encode())}.{body}.AAAA",
        "another-secret": forge(good_claims(), other),
        "expired": forge(expired, secret),
        "not-yet": forge(good_claims(nbf=int(time.time()) + 3600), secret),
        "without-end": forge(good_claims(exp=None), secret),
        "other-audience": forge(good_claims(aud="elsewhere"), secret),
        "other-issuer": forge(good_claims(iss="elsewhere"), secret),
        "unknown-key": forge(good_claims(), secret, {"alg": "HS256", "kid": "../../etc/passwd"}),
        "critical": forge(good_claims(), secret, {"alg": "HS256", "crit": ["exp"]}),
        "other-algorithm": forge(good_claims(), secret, {"alg": "RS256"}),
        "swapped-claims": f"{head}.{encode(json.dumps(good_claims(role='admin')).encode())}.{signature}",
        "tail": good + "A",
        "oversize": forge(good_claims(x="x" * 5000), secret),
        "no-such-role": forge(good_claims(role="root"), secret),
        "no-user": forge(good_claims(sub=None), secret),
    }


def test_attacks_are_refused_with_one_line_each(server):
    secret = server.secret("jwt-secret")
    assert ingest(server, forge(good_claims(), secret)).status == 200
    for name, token in attacks(secret).items():
        before = server.log_text().count("air-auth")
        answer = ingest(server, token)
        assert answer.status in (401, 429), name
        assert server.log_text().count("air-auth") == before + 1, name
        assert token not in server.log_text() and token.split(".")[2] not in server.log_text(), name


def test_a_viewer_with_a_bad_token_makes_one_line(airclassd):
    server = airclassd(plugins=["whep-egress"])
    token = forge(good_claims(), "0123456789abcdef0123456789abcdef")
    answer = server.post(f"/live/stream/whep?jwt={token}", body="v=0\r\n", headers={"Content-Type": "application/sdp"})
    assert answer.status == 401
    assert server.log_text().count("refused") == 1
    assert server.metric("airclass_auth_refusals_total") == 1


def test_guessing_gets_slower(server):
    good = server.token("teacher", action="publish")
    statuses, waits = [], []
    for attempt in range(12):
        answer = ask(server, {"user_type": "teacher", "key": f"{WRONG_KEY}-{attempt}"})
        statuses.append(answer.status)
        if answer.status == 429:
            waits.append(int(answer.headers["Retry-After"]))
            assert answer.json["type"] == "/problems/rate-limited"
    assert statuses[0] == 401 and statuses[-1] == 429
    assert waits and min(waits) >= 1
    # Who holds a token is not shut out by the neighbour, and a student still gets one.
    assert ingest(server, good).status == 200
    assert ask(server).status == 200
    assert server.metric("airclass_auth_refusals_total") >= 12


def test_loopback_by_option(airclassd):
    server = airclassd({"auth": {"trust_loopback": "true"}}, plugins=[])
    answer = ask(server, {"user_type": "teacher"})
    assert answer.status == 200 and claims_of(answer.json["token"])["action"] == "publish"
    options = dict(server.options)
    options["auth"] = {"trust_loopback": "false"}
    server.write_config(options)
    server.reload()
    wait_until(lambda: ask(server, {"user_type": "teacher"}).status == 401, "the option to be taken back")


# ---- The hook for MediaMTX


def hook(server, **fields):
    body = {"user": "", "password": "", "token": "", "ip": "198.51.100.7", "action": "read", "path": "live/stream", "protocol": "rtsp",
            "id": None, "query": ""}
    body.update(fields)
    return server.post("/api/auth/mediamtx", json_body=body).status


def test_mediamtx(server):
    student, teacher = server.token("student"), server.token("teacher", action="publish")
    key = server.stream_key
    assert hook(server) == 401
    assert hook(server, token=student) == 200
    assert hook(server, query=f"jwt={student}") == 200
    assert hook(server, password=student) == 200
    assert hook(server, action="playback", token=student) == 200
    assert hook(server, action="publish", token=student) == 401
    assert hook(server, action="publish", token=teacher) == 200
    assert hook(server, action="publish", user="obs", password=key) == 200
    assert hook(server, action="publish", query=f"a=b&key={key}") == 200
    assert hook(server, action="publish", path="live/other", password=key) == 401
    assert hook(server, action="publish", path="live/other", password=server.teacher_key) == 200
    assert hook(server, action="publish", path="../etc", password=server.teacher_key) == 401
    assert hook(server, token=student, path="live/other") == 401
    for action in ("api", "metrics", "pprof"):
        assert hook(server, action=action, path="") == 401
        assert hook(server, action=action, path="", token=student) == 401
        assert hook(server, action=action, path="", password=server.teacher_key) == 200
    assert hook(server, action="fly", token=student) == 401
    assert hook(server, ip="nonsense", token=student) == 401
    assert server.post("/api/auth/mediamtx", json_body={"path": "live/stream"}).status == 400


def test_mediamtx_answers_its_own_network_only(airclassd):
    server = airclassd({"auth": {"hook_clients": "192.0.2.0/24"}}, plugins=[])
    assert hook(server, token=server.token("student")) == 403


def test_mediamtx_trusted_network(airclassd):
    server = airclassd({"auth": {"trusted": "198.51.100.0/24"}}, plugins=[])
    assert hook(server) == 200
    assert hook(server, action="publish") == 401
    assert hook(server, ip="203.0.113.7") == 401


def test_mediamtx_counts_guesses_by_the_strangers_address(server):
    for attempt in range(10):
        hook(server, action="publish", password=f"{WRONG_KEY}-{attempt}", ip="198.51.100.7")
    assert hook(server, action="publish", password=server.stream_key, ip="198.51.100.7") == 401
    assert hook(server, action="publish", password=server.stream_key, ip="203.0.113.7") == 200


# ---- Stream keys and ingest addresses


def test_ingest(airclassd):
    server = airclassd(plugins=["rtmp-ingest"])
    document = ingest(server, server.teacher_key).json
    port = server.endpoint("rtmp")[1]
    assert document["path"] == "live/stream"
    assert document["stream_key"] == f"stream?key={server.stream_key}"
    assert f"rtmp://127.0.0.1:{port}/live" in document["rtmp_urls"]
    assert f"rtmp://127.0.0.1:{port}/live/stream?key={server.stream_key}" in document["full_urls"]
    other = ingest(server, server.teacher_key, "live/algebra").json
    assert other["stream_key"].startswith("algebra?key=") and server.stream_key not in other["stream_key"]
    assert ingest(server, server.teacher_key, "live/%2e%2e").status in (400, 404)


def test_stream_keys_file(airclassd, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("live/algebra = chosen-by-the-operator\n")
    keys.chmod(0o600)
    server = airclassd({"auth": {"stream_keys_file": keys}}, plugins=[])
    assert hook(server, action="publish", path="live/algebra", password="chosen-by-the-operator") == 200
    keys.write_text("live/algebra = chosen-again-later\n")
    wait_until(lambda: hook(server, action="publish", path="live/algebra", password="chosen-again-later", ip="203.0.113.9") == 200,
               "the new key")
    assert hook(server, action="publish", path="live/algebra", password="chosen-by-the-operator") == 401
    # A broken file changes nothing.
    keys.write_text("live/algebra\n")
    wait_until(lambda: "line 1" in server.log_text(), "the complaint")
    assert hook(server, action="publish", path="live/algebra", password="chosen-again-later", ip="203.0.113.9") == 200
    assert "chosen-" not in server.log_text()


def test_a_broken_stream_keys_file_is_refused_at_start(airclassd, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("\nlive/algebra = short\n")
    keys.chmod(0o600)
    server = airclassd({"auth": {"stream_keys_file": keys}}, plugins=[], wait=False)
    assert server.process.wait(20) != 0
    server.process = None
    assert "line 2" in server.log_text()


# ---- Another issuer


@pytest.fixture
def rsa(tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private], check=True,
                   stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    return private, public


def sign_rs256(claims, private, header=None):
    head = {"alg": "RS256", "kid": "school-1"} if header is None else header
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", private], input=signed.encode(), check=True, capture_output=True)
    return f"{signed}.{encode(signature.stdout)}"


def test_tokens_of_another_issuer(airclassd, rsa):
    private, public = rsa
    server = airclassd({"auth": {"jwt_algorithm": "RS256", "jwt_public_key": public, "jwt_key_id": "school-1", "issuer": "school"}}, plugins=[])
    claims = good_claims(iss="school", fam="f", auth_time=int(time.time()))
    good = sign_rs256(claims, private)
    assert ingest(server, good).status == 200
    for answer in (ask(server), server.post("/api/token/refresh", token=good)):
        assert answer.status == 501
        assert answer.json["type"] == "/problems/tokens-made-elsewhere" and "school" in answer.json["detail"]
    assert ingest(server, sign_rs256(claims, private, {"alg": "RS256", "kid": "school-2"})).status == 401
    # The public key is known to everybody; it must not serve as a secret.
    confused = forge(claims, public.read_text(), {"alg": "HS256", "kid": "school-1"})
    assert ingest(server, confused).status == 401
    assert not (server.state / "auth" / "jwt-secret").exists()


def test_own_tokens_with_a_key_pair(airclassd, rsa):
    private, public = rsa
    server = airclassd({"auth": {"jwt_algorithm": "RS256", "jwt_public_key": public, "jwt_private_key": private}}, plugins=[])
    assert ingest(server, server.token("teacher", action="publish")).status == 200


def test_a_missing_public_key_is_refused_at_start(airclassd):
    server = airclassd({"auth": {"jwt_algorithm": "ES256"}}, plugins=[], wait=False)
    assert server.process.wait(20) != 0
    server.process = None
    assert "jwt_public_key" in server.log_text()


# ---- The log


def test_secrets_never_reach_the_log(airclassd):
    server = airclassd({"log": {"level": "debug"}}, plugins=["rtmp-ingest", "whep-egress"])
    student, teacher = server.token("student"), server.token("teacher", action="publish")
    for key in (server.teacher_key, server.stream_key, WRONG_KEY):
        ask(server, {"user_type": "teacher", "key": key})
        ask(server, {"user_type": "teacher"}, token=key)
        ask(server, query=f"?user_type=teacher&key={key}")
        hook(server, action="publish", user="a", password=key, query=f"key={key}")
        server.post(f"/live/stream/whep?key={key}", body="v=0\r\n", headers={"Content-Type": "application/sdp"}, token=key)
        server.get(f"/nothing/{key}?key={key}")
    for token in (student, teacher, teacher[:-3] + "AAA"):
        server.post(f"/live/stream/whep?jwt={token}", body="v=0\r\n", headers={"Content-Type": "application/sdp"})
        ingest(server, token)
        hook(server, token=token, query=f"jwt={token}")
        url = server.rtmp_url("live/other") + f"?jwt={token}"
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "quiet", "-f", "lavfi", "-i", "color=size=64x64:rate=5", "-t", "0.2", "-f", "flv", url],
                       timeout=30, check=False)
    text = server.log_text()
    for name in ("jwt-secret", "teacher-key", "stream-key", "stream-key-seed"):
        assert server.secret(name) not in text, name
    for token in (student, teacher):
        for part in token.split("."):
            assert part not in text
    assert WRONG_KEY not in text


# ---- Running sessions


def test_refreshing_a_token_keeps_its_running_sessions(airclassd):
    server = airclassd({"auth": {"token_lifetime": "10s"}}, plugins=["example"])
    kept, left = server.token("teacher"), server.token("teacher")

    def open_socket(token):
        return connect(f"{server.websocket_url}/ws/example?jwt={token}")

    async def run():
        async with open_socket(kept) as one, open_socket(left) as other:
            refreshed = []

            async def refresh():
                while not refreshed:
                    if claims_of(kept)["exp"] - time.time() < 5:
                        answer = await asyncio.to_thread(server.post, "/api/token/refresh", token=kept)
                        refreshed.append(answer.json["token"])
                    await asyncio.sleep(0.1)

            await asyncio.wait_for(asyncio.gather(refresh(), other.wait_closed()), 30)
            assert other.close_code == 4401
            # It was opened at the same time, and goes on without having been told.
            assert claims_of(refreshed[0])["exp"] > claims_of(kept)["exp"]
            await asyncio.wait_for(await one.ping(), 10)
            await asyncio.wait_for(one.wait_closed(), 30)
            assert one.close_code == 4401

    asyncio.run(run())
