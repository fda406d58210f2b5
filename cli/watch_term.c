/* SPDX-License-Identifier: MIT
 *
 * Signals are blocked but while a key is waited for (ppoll), so that none comes between looking and
 * waiting.  What ends the program in another way, such as an assertion, finds the handlers of
 * SIGABRT and its like, which put the terminal back first.
 */
#include "cli/watch_term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define BYTES 64

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

static struct {
    struct termios before;
    sigset_t mask_before;
    volatile sig_atomic_t in, killed, stopped, resized;
    unsigned char bytes[BYTES]; /* read, and not told yet */
    size_t n;
} term;

bool term_is_there(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind && *kind && !str_eq(kind, "dumb");
}

void term_write(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, text, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* it has gone, and reading tells so */
        text += done;
        n -= (size_t)done;
    }
}

/* May be called in a handler. */
static void put_back(void)
{
    if (!term.in)
        return;
    term.in = 0;
    term_write(LEAVE, sizeof(LEAVE) - 1);
    tcsetattr(STDOUT_FILENO, TCSADRAIN, &term.before);
}

static void on_signal(int number)
{
    if (number == SIGTSTP)
        term.stopped = 1;
    else if (number == SIGWINCH || number == SIGCONT)
        term.resized = 1;
    else
        term.killed = number;
}

static void on_fatal(int number)
{
    put_back();
    signal(number, SIG_DFL);
    raise(number);
}

static void take(void)
{
    struct termios raw = term.before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    term.in = 1;
    tcsetattr(STDOUT_FILENO, TCSADRAIN, &raw);
    term_write(ENTER, sizeof(ENTER) - 1);
}

int term_enter(struct err *err)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;

    if (tcgetattr(STDOUT_FILENO, &term.before) < 0)
        return err_errno(err, errno, "the terminal");
    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
        sigaddset(&blocked, watched[i]);
        sigaction(watched[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &term.mask_before);
    action.sa_handler = on_fatal;
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        sigaction(fatal[i], &action, NULL);
    atexit(put_back);
    take();
    return 0;
}

void term_leave(void)
{
    put_back();
}

void term_die(void)
{
    int number = term.killed;

    if (!number)
        return;
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_SETMASK, &term.mask_before, NULL);
}

/* As if we had not noticed SIGTSTP; SIGCONT follows. */
static void stop(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    term.stopped = 0;
    put_back();
    sigaction(SIGTSTP, &action, NULL);
    raise(SIGTSTP);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* here it stands */
    sigprocmask(SIG_BLOCK, &set, NULL);
    action.sa_handler = on_signal;
    sigaction(SIGTSTP, &action, NULL);
    take();
    term.resized = 1;
}

void term_size(size_t *ret_columns, size_t *ret_lines)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
        size = (struct winsize){.ws_col = 80, .ws_row = 24};
    *ret_columns = size.ws_col;
    *ret_lines = size.ws_row;
}

/* ---- keys ---- */

static int drop(size_t n, int key)
{
    term.n -= n;
    memmove(term.bytes, term.bytes + n, term.n);
    return key;
}

/* "ESC [ A", "ESC O A", "ESC [ 5 ~": what is none of these is let go. */
static int take_sequence(void)
{
    static const struct {
        const char *text;
        int key;
    } keys[] = {{"A", KEY_UP},       {"B", KEY_DOWN},       {"C", KEY_RIGHT}, {"D", KEY_LEFT},
                {"H", KEY_HOME},     {"F", KEY_END},        {"1~", KEY_HOME}, {"4~", KEY_END},
                {"5~", KEY_PAGE_UP}, {"6~", KEY_PAGE_DOWN}, {"7~", KEY_HOME}, {"8~", KEY_END}};
    size_t end = 2;

    if (term.n < 2 || (term.bytes[1] != '[' && term.bytes[1] != 'O'))
        return drop(1, KEY_ESCAPE);
    while (end < term.n && (term.bytes[end] < '@' || term.bytes[end] > '~'))
        end++;
    if (end == term.n)
        return drop(term.n, KEY_ESCAPE);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strlen(keys[i].text) == end - 1 && memcmp(keys[i].text, term.bytes + 2, end - 1) == 0)
            return drop(end + 1, keys[i].key);
    return drop(end + 1, KEY_NONE);
}

static int take_key(void)
{
    int c = term.bytes[0];

    if (c == 033)
        return take_sequence();
    if (c == '\r' || c == '\n')
        return drop(1, KEY_ENTER);
    if (c == 0177 || c == '\b')
        return drop(1, KEY_BACKSPACE);
    return drop(1, c);
}

static int take_signal(void)
{
    if (term.killed)
        return KEY_KILLED;
    if (term.stopped)
        stop();
    if (!term.resized)
        return KEY_NONE;
    term.resized = 0;
    return KEY_RESIZED;
}

int term_key(int timeout_ms)
{
    struct timespec wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    int key = take_signal();
    ssize_t n;

    if (key != KEY_NONE)
        return key;
    if (term.n > 0)
        return take_key();
    if (ppoll(&fd, 1, &wait, &term.mask_before) < 0)
        return errno == EINTR ? take_signal() : KEY_CLOSED;
    if (!fd.revents)
        return KEY_NONE;
    n = read(STDIN_FILENO, term.bytes, sizeof(term.bytes));
    if (n <= 0)
        return n < 0 && (errno == EINTR || errno == EAGAIN) ? KEY_NONE : KEY_CLOSED;
    term.n = (size_t)n;
    return take_key();
}
