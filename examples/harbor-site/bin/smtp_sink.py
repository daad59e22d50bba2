#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An SMTP server (RFC 5321, the part a sender needs) that delivers nothing.

Each mail becomes one .eml file in a folder, with its envelope in X-Envelope headers. It listens on
127.0.0.1 only and prints the port, so port 0 works. It ends on SIGTERM or SIGINT.
usage: smtp_sink.py <folder> [port]
"""
import asyncio
import itertools
import os
import re
import signal
import sys
import time

MESSAGE_MAX = 16 * 1024 * 1024
RECIPIENTS_MAX = 100
LINE_MAX = 64 * 1024
IDLE_SECONDS = 60
numbers = itertools.count(1)


def store(folder, sender, recipients, lines):
    """Writes under another name first, so that a reader of *.eml never sees half a mail."""
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{next(numbers):05d}.eml"
    path = os.path.join(folder, name)
    with open(path + ".part", "wb") as file:
        file.write(b"X-Envelope-From: " + sender + b"\r\n")
        for recipient in recipients:
            file.write(b"X-Envelope-To: " + recipient + b"\r\n")
        file.writelines(line + b"\r\n" for line in lines)
    os.rename(path + ".part", path)
    return name


async def read_line(reader):
    line = await asyncio.wait_for(reader.readuntil(b"\n"), IDLE_SECONDS)
    return line.rstrip(b"\r\n")


async def read_message(reader):
    """The lines up to the single dot; None when the message is larger than the limit."""
    lines, size = [], 0
    while (line := await read_line(reader)) != b".":
        line = line[1:] if line.startswith(b".") else line
        size += len(line) + 2
        if size <= MESSAGE_MAX:
            lines.append(line)
    return lines if size <= MESSAGE_MAX else None


def address(argument):
    found = re.match(rb"(?i)(?:from|to):\s*<([^<>\s]*)>", argument)
    return None if found is None else found.group(1)


async def converse(folder, reader, writer):
    sender, recipients = None, []

    async def say(text):
        writer.write(text.encode() + b"\r\n")
        await writer.drain()

    await say("220 harbor-site sink")
    while True:
        verb, _, argument = (await read_line(reader)).partition(b" ")
        verb = verb.upper()
        if verb == b"EHLO":
            await say(f"250-harbor-site\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MESSAGE_MAX}")
        elif verb in (b"HELO", b"NOOP"):
            await say("250 OK")
        elif verb == b"RSET":
            sender, recipients = None, []
            await say("250 OK")
        elif verb == b"MAIL" and address(argument) is not None:
            sender, recipients = address(argument), []
            await say("250 OK")
        elif verb == b"RCPT" and sender is not None and address(argument):
            if len(recipients) == RECIPIENTS_MAX:
                await say("452 too many recipients")
                continue
            recipients.append(address(argument))
            await say("250 OK")
        elif verb == b"DATA" and recipients:
            await say("354 end with a single dot")
            lines = await read_message(reader)
            if lines is None:
                await say("552 message too large")
            else:
                await say("250 kept as " + store(folder, sender, recipients, lines))
            sender, recipients = None, []
        elif verb == b"QUIT":
            await say("221 bye")
            return
        elif verb in (b"MAIL", b"RCPT", b"DATA"):
            await say("503 out of order or malformed")
        else:
            await say("502 not implemented")


async def serve(folder, port):
    async def session(reader, writer):
        try:
            await converse(folder, reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError,
                ConnectionError):
            pass  # The other side left, or talked nonsense: nothing was kept.
        finally:
            writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", port, limit=LINE_MAX)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    server.close()


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        sys.exit(__doc__)
    os.makedirs(arguments[0], exist_ok=True)
    asyncio.run(serve(arguments[0], int(arguments[1]) if len(arguments) == 2 else 0))


main(sys.argv[1:])
