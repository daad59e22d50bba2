#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OpenID provider that people run: Django with django-oauth-toolkit, as Debian packages them, and
with Django's own login form. It is one process, with a database in memory.

Its user and clients are those of provider.py, which stands beside it for what a real one never does
wrong. It writes its address into the file --ready and ends when its standard input does. The
interpreter is Debian's, since the packages are."""

import argparse
import os
import subprocess
import sys
import threading
import wsgiref.simple_server

import django
from django.conf import settings
from django.core import management
from django.core.handlers import wsgi
from django.urls import include, path

USER = "smoke@harbor"
PASSWORD = "correct horse & <battery>"
SECRET = "a client's secret"
REDIRECT = "https://www.harbor.example/callback"

urlpatterns = []


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def configure(address):
    key = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True)
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        LOGIN_URL="/login",
        STATIC_URL="/static/",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        # Threads of one process share it.
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                               "NAME": "file:provider?mode=memory&cache=shared",
                               "OPTIONS": {"uri": True}}},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth",
                        "django.contrib.contenttypes", "django.contrib.messages",
                        "django.contrib.sessions", "oauth2_provider"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware",
                    "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                    "OPTIONS": {"context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages"]}}],
        OAUTH2_PROVIDER={"OIDC_ENABLED": True, "OIDC_ISS_ENDPOINT": address,
                         "OIDC_RSA_PRIVATE_KEY": key.stdout, "PKCE_REQUIRED": True,
                         "SCOPES": {"openid": "who you are", "profile": "your name",
                                    "email": "your address"}},
    )


def fill():
    from django.contrib.auth import get_user_model
    from oauth2_provider.models import get_application_model

    management.call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(USER, password=PASSWORD)
    kinds = get_application_model()
    for name, kind in [("harbor-site", kinds.CLIENT_CONFIDENTIAL),
                       ("public-site", kinds.CLIENT_PUBLIC)]:
        kinds.objects.create(name=name, client_id=name, client_secret=SECRET, client_type=kind,
                             authorization_grant_type=kinds.GRANT_AUTHORIZATION_CODE,
                             redirect_uris=REDIRECT, algorithm=kinds.RS256_ALGORITHM,
                             skip_authorization=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ready", required=True)
    options.add_argument("--fault", default="", help="it does nothing wrong: empty")
    given = options.parse_args()
    server = wsgiref.simple_server.WSGIServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}/o"
    configure(address)
    django.setup()
    from django.contrib import admin
    from django.contrib.auth import views

    urlpatterns.extend([
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
        path("login", views.LoginView.as_view(template_name="admin/login.html")),
        path("admin/", admin.site.urls),
    ])
    fill()
    server.set_app(wsgi.WSGIHandler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(given.ready + ".new", "w", encoding="utf-8") as file:
        file.write(address)
    os.rename(given.ready + ".new", given.ready)
    sys.stdin.read()


if __name__ == "__main__":
    main()
