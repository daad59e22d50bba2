// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <algorithm>
#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace slipway::cli {

namespace {

// Echo and signals off while it lives; Ctrl-C then comes as a character, so that the terminal is
// always put back.
class HiddenTerminal {
  public:
    HiddenTerminal() : file_(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        if (file_ < 0 || ::tcgetattr(file_, &before_) != 0)
            return;
        termios hidden = before_;
        hidden.c_lflag &= static_cast<tcflag_t>(~(ECHO | ISIG | ICANON));
        changed_ = ::tcsetattr(file_, TCSAFLUSH, &hidden) == 0;
    }

    HiddenTerminal(const HiddenTerminal&) = delete;
    HiddenTerminal& operator=(const HiddenTerminal&) = delete;

    ~HiddenTerminal() {
        if (changed_)
            ::tcsetattr(file_, TCSAFLUSH, &before_);
        if (file_ >= 0)
            ::close(file_);
    }

    bool ready() const { return changed_; }

    bool show(std::string_view text) const {
        return ::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    }

    // Ctrl-D at the end of the input.
    char next() const {
        char c = '\0';
        return ::read(file_, &c, 1) == 1 ? c : '\x04';
    }

  private:
    int file_;
    termios before_{};
    bool changed_ = false;
};

// Of the UTF-8 that a terminal sends: one character may be several bytes.
void drop_last_character(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0U) == 0x80U)
        text.pop_back();
    if (!text.empty())
        text.pop_back();
}

} // namespace

bool is_terminal(int descriptor) {
    return ::isatty(descriptor) == 1;
}

std::size_t terminal_width() {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? std::max<std::size_t>(size.ws_col, 20) : 80;
}

bool wait_for_span(Span span) {
    const auto most = std::clamp<Span::rep>(span.count(), 0, INT_MAX);
    return ::poll(nullptr, 0, static_cast<int>(most)) == 0;
}

Result<std::string> read_hidden(std::string_view prompt) {
    const HiddenTerminal terminal;
    if (!terminal.ready() || !terminal.show(prompt))
        return fail(
            ErrorCode::unavailable, "there is no terminal; use --password_stdin or --code_stdin"
        );
    std::string out;
    for (;;) {
        const char c = terminal.next();
        if (c == '\n' || c == '\r')
            break;
        if (c == '\x03' || c == '\x04') {
            terminal.show("\n");
            return fail(ErrorCode::unavailable, "broken off");
        }
        if (c == '\x7f' || c == '\b') {
            drop_last_character(out);
        } else if (c == '\x15') {
            out.clear();
        } else if (out.size() < limits::password_max) {
            out += c;
        } else {
            terminal.show("\n");
            return fail(ErrorCode::limit_exceeded, "a password has at most 200 bytes");
        }
    }
    terminal.show("\n");
    return out;
}

} // namespace slipway::cli
