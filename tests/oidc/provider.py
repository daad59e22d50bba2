#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small OpenID provider for the tests: discovery, keys, authorization code flow with PKCE through
a login form with a cookie and a hidden token, direct grant, ID tokens signed with RS256 by openssl.

It knows one user and two clients, and refuses whatever is not exactly as the standards have it.
--fault makes it do one thing wrong, so that whoever relies on it can prove to notice. It writes its
address into the file --ready and ends when its standard input does."""

import argparse
import base64
import hashlib
import html
import http.server
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

USER = "smoke@harbor"
PASSWORD = "correct horse & <battery>"
CLIENTS = {"harbor-site": "a client's secret", "public-site": None}
REDIRECT = "https://www.harbor.example/callback"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An RSA key of openssl's, in a file of its own."""

    def __init__(self, folder, name):
        self.name = name
        self.path = os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genrsa", "-out", self.path, "2048"], check=True,
                       capture_output=True)
        shown = subprocess.run(["openssl", "rsa", "-in", self.path, "-noout", "-modulus"],
                               check=True, capture_output=True, text=True)
        self.modulus = bytes.fromhex(shown.stdout.strip().split("=")[1])

    def jwk(self):
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.name,
                "n": b64(self.modulus), "e": "AQAB"}

    def sign(self, text):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], check=True,
                              input=text.encode(), capture_output=True).stdout


class Provider(http.server.ThreadingHTTPServer):
    def __init__(self, fault, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        self.fault = fault
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}/realms/harbor"
        self.key = Key(folder, "key-1")
        self.other = Key(folder, "key-2")
        self.sessions = {}  # cookie -> {"csrf": ..., "request": ..., "user": ...}
        self.codes = {}  # code -> the request that it answers

    def claims(self, client, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "7", "aud": client, "iat": now, "exp": now + 300,
                  "email_verified": True}
        if nonce:
            claims["nonce"] = nonce
        wrong = {
            "issuer": {"iss": "https://elsewhere.example"},
            "audience": {"aud": "another-client"},
            "party": {"aud": [client, "b"], "azp": "b"},
            "nonce": {"nonce": "another"},
            "expired": {"exp": now - 60},
            "future": {"iat": now + 3600},
            "subject": {"sub": ""},
        }
        claims.update(wrong.get(self.fault, {}))
        return claims

    def id_token(self, client, nonce):
        header = {"alg": "RS256", "kid": self.key.name, "typ": "JWT"}
        if self.fault == "none":
            header = {"alg": "none"}
        if self.fault == "hs256":
            header["alg"] = "HS256"
        if self.fault == "unknown-key":
            header["kid"] = "key-9"
        text = ".".join(b64(json.dumps(part).encode())
                        for part in (header, self.claims(client, nonce)))
        signer = self.other if self.fault == "signature" else self.key
        signature = b"" if self.fault == "none" else signer.sign(text)
        if self.fault == "tampered":
            head, body = text.split(".")
            text = head + "." + b64(base64.urlsafe_b64decode(body + "==").replace(b'"7"', b'"8"'))
        return text + "." + b64(signature)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="text/html; charset=utf-8", headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer_json(self, document, status=200):
        self.answer(status, json.dumps(document), "application/json")

    def redirect(self, target, *headers):
        self.answer(302, "", headers=(("Location", target), *headers))

    def session(self):
        for part in self.headers.get("Cookie", "").split("; "):
            if part.startswith("session="):
                return self.server.sessions.get(part.removeprefix("session="))
        return None

    def do_GET(self):  # noqa: N802, the name is http.server's
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        server = self.server
        if path == "/realms/harbor/.well-known/openid-configuration":
            issuer = "https://elsewhere.example" if server.fault == "configuration" else server.issuer
            self.answer_json({
                "issuer": issuer, "authorization_endpoint": server.issuer + "/authorize",
                "token_endpoint": server.issuer + "/token", "jwks_uri": server.issuer + "/keys",
                "token_endpoint_auth_methods_supported":
                    ["client_secret_post" if server.fault == "post" else "client_secret_basic"]})
        elif path == "/realms/harbor/keys":
            self.answer_json({"keys": [{"kty": "EC", "kid": "ec"}, server.key.jwk()]})
        elif path == "/realms/harbor/authorize":
            self.authorize(given)
        elif path == "/realms/harbor/login" and self.session():
            self.show_form(200)
        elif path == "/realms/harbor/continue" and self.session():
            self.send_back()
        else:
            self.answer(404, "nothing here")

    def authorize(self, given):
        right = (given.get("response_type") == "code" and given.get("client_id") in CLIENTS
                 and given.get("redirect_uri") == REDIRECT
                 and "openid" in given.get("scope", "").split()
                 and given.get("code_challenge_method") == "S256"
                 and len(given.get("code_challenge", "")) == 43
                 and len(given.get("state", "")) >= 16 and len(given.get("nonce", "")) >= 16)
        if not right:
            return self.answer(400, "the request is not as it must be")
        cookie = secrets.token_urlsafe(16)
        self.server.sessions[cookie] = {"csrf": secrets.token_urlsafe(16), "request": given}
        target = "/realms/harbor/authorize?" + urllib.parse.urlencode(given) \
            if self.server.fault == "loop" else "/realms/harbor/login"
        return self.redirect(target, ("Set-Cookie", f"session={cookie}; Path=/realms; HttpOnly"))

    def show_form(self, status):
        session = self.session()
        if self.server.fault == "script":
            return self.answer(200, "<script>document.write('<form><input type=password>')</script>")
        action = "login?a=1&amp;b=2"
        if self.server.fault == "foreign-form":
            action = "http://127.0.0.2:9/collect"
        user = '<input id=u name="username" type="email" autofocus>'
        password = '<input type=password name=password />'
        if self.server.fault == "two-steps":
            user, password = (password, "") if "typed" in session else (user, "")
        return self.answer(status, f"""<!DOCTYPE html><title>Sign in</title>
            <!-- <form action=/nowhere><input type=password name=p></form> -->
            <form action="/search"><input name=q></form>
            <form id="login" method='POST' action="{action}">
            <input type=hidden name=csrf value="{html.escape(session['csrf'])}&#33;">
            {user}{password}<input type=checkbox name=remember>
            <button name="do" value="Sign in">Sign in</button><button name=do value=cancel>X</button>
            </form>""")

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        given = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        if self.path == "/realms/harbor/token":
            self.token(given)
        elif self.path == "/realms/harbor/login?a=1&b=2" and self.session():
            self.login(given)
        else:
            self.answer(404, "nothing here")

    def login(self, given):
        session = self.session()
        if given.get("csrf") != session["csrf"] + "!" or given.get("do") != "Sign in" \
                or "remember" in given:
            return self.answer(400, "the form is not the one that was shown")
        if self.server.fault == "two-steps" and "typed" not in session:
            session["typed"] = given.get("username")
            return self.show_form(200)
        user = session.get("typed", given.get("username"))
        if (user, given.get("password")) != (USER, PASSWORD):
            return self.show_form(401)
        session["user"] = user
        if self.server.fault == "consent":
            return self.answer(200, "<form method=post><button name=agree>I agree</button></form>")
        return self.redirect("continue")

    def send_back(self):
        session = self.session()
        if "user" not in session:
            return self.answer(403, "sign in first")
        request = session["request"]
        code = secrets.token_urlsafe(32)
        self.server.codes[code] = request
        back = {"code": code, "state": request["state"], "iss": self.server.issuer}
        wrong = {
            "state": {"state": "another"},
            "mix-up": {"iss": "https://elsewhere.example"},
            "denied": {"error": "access_denied", "error_description": "not on this device"},
            "no-code": {"code": ""},
        }
        back.update(wrong.get(self.server.fault, {}))
        return self.redirect(REDIRECT + "?" + urllib.parse.urlencode(back))

    def client(self, given):
        """The client that authenticates itself as its kind must, or nothing."""
        kind, _, credentials = self.headers.get("Authorization", "").partition(" ")
        name, secret = given.get("client_id"), given.get("client_secret")
        if kind == "Basic":
            if self.server.fault == "post":
                return None
            parts = base64.b64decode(credentials).decode().split(":", 1)
            name, secret = (urllib.parse.unquote_plus(part) for part in parts)
        elif secret and self.server.fault != "post":
            return None
        return name if name in CLIENTS and CLIENTS[name] == secret else None

    def token(self, given):
        def refuse(error, why, status=400):
            self.answer_json({"error": error, "error_description": why}, status)

        client = self.client(given)
        if client is None:
            return refuse("invalid_client", "who are you", 401)
        nonce = None
        if given.get("grant_type") == "password":
            if (given.get("username"), given.get("password")) != (USER, PASSWORD):
                return refuse("invalid_grant", f"not the password of {given.get('username')}")
        elif given.get("grant_type") == "authorization_code":
            request = self.server.codes.pop(given.get("code"), None)
            verifier = given.get("code_verifier", "")
            challenge = b64(hashlib.sha256(verifier.encode()).digest())
            if request is None or request["client_id"] != client \
                    or request["redirect_uri"] != given.get("redirect_uri") \
                    or len(verifier) < 43 or challenge != request["code_challenge"]:
                return refuse("invalid_grant", "the code is not good")
            nonce = request["nonce"]
        else:
            return refuse("unsupported_grant_type", "not here")
        tokens = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer",
                  "id_token": self.server.id_token(client, nonce)}
        if self.server.fault == "no-token":
            del tokens["id_token"]
        if self.server.fault == "garbage":
            tokens["id_token"] = "a.b"
        return self.answer_json(tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ready", required=True, help="gets the issuer when it can be asked")
    parser.add_argument("--fault", default="", help="what is done wrong")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        provider = Provider(given.fault, folder)
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        with open(given.ready + ".new", "w", encoding="utf-8") as file:
            file.write(provider.issuer)
        os.rename(given.ready + ".new", given.ready)
        sys.stdin.read()
        provider.shutdown()


if __name__ == "__main__":
    main()
