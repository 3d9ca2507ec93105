#include "tools/ringctl/commands.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace ringway::ringctl {

namespace {

using enum Command::Kind;

constexpr std::array all_commands{
    Command{"status", "", 0, 0, "how the proxy is doing: configuration, listeners, pools", "",
            looks},
    Command{"servers", "[POOL]", 0, 1, "every server, or those of one pool", "", looks},
    Command{"server", "POOL ID", 2, 2, "one server, in full", "", looks},
    Command{"top", "[POOL]", 0, 1, "pools, servers and rates on the whole screen",
            "Keys: q quit, < and > choose the column to sort by, r reverses, p shows the next\n"
            "pool, arrows and Page Up and Down move through the servers.\n",
            of_ringctl},
    Command{"events", "[--follow] [N]", 0, 2, "the latest events, or the last N",
            "--follow prints new events as they occur, until Ctrl-C.\n", looks},
    Command{"explain", "POOL KEY | --listener NAME [OPTION VALUE]...", 2, any_number,
            "which server a key, or a client of a listener, is placed on, and why",
            "Shows the servers in the key's order of preference. KEY may hold any byte but\n"
            "NUL; a key that begins with a dash is written after `--`.\n"
            "\n"
            "With --listener, the route and the key of a client that shows what the options\n"
            "say: --source ADDRESS, --port PORT (that it connects to), --sni NAME, --alpn\n"
            "PROTOCOL, --first-line TEXT, --target TARGET, --header \"NAME: VALUE\"; or --key\n"
            "KEY in place of what the key is read from. What is not shown, it does not have.\n",
            looks},
    Command{"ring", "POOL", 1, 1, "the share of the keys that each server has", "", looks},
    Command{
        "register", "POOL ID ADDRESS [--weight N] [ID ADDRESS [--weight N]]... [--fleet]", 3,
        any_number, "add servers at run time",
        "ADDRESS is 192.0.2.1:80, [2001:db8::1]:80, host.example:80 or unix:/path. The weight\n"
        "is 1 if not given. Only keys that the new servers win move to them. Either all servers\n"
        "of a command are registered, or none.\n"
        "\n"
        "With --fleet the servers are written to etcd, where the pool's `servers_from` reads\n"
        "them, one after another: every replica has them, also after a restart.\n"
        "\n"
        "`register POOL -` reads servers from standard input, one a line as ID ADDRESS\n"
        "[WEIGHT]; empty lines and those that begin with # are skipped. Long input is sent\n"
        "in parts of 60 KiB, each of which is registered as a whole or not at all; the first\n"
        "that is refused is the last.\n"},
    Command{"set", "POOL ID weight|address VALUE", 4, 4, "give a server another weight or address",
            "`set POOL ID weight 3` moves only keys of this server. `set POOL ID address\n"
            "192.0.2.7:80` moves none: they go to the new address, whose health is checked anew.\n"
            "Both override the file, also over reloads, until `forget`.\n"},
    Command{"unregister", "POOL ID [--fleet]", 2, 2, "remove a server",
            "Only its keys move. Connections in progress continue. With --fleet the server is\n"
            "removed from etcd, and so from every replica.\n"},
    Command{"drain", "POOL ID [--fleet]", 2, 2, "give a server no new connections",
            "Connections in progress continue. `auto` ends the drain. With --fleet every replica\n"
            "drains it until `auto --fleet`.\n"},
    Command{"offline", "POOL ID [--fleet]", 2, 2,
            "treat a server as down, whatever its checks find",
            "The pool's `on_down` applies to its connections. `auto` ends it. With --fleet it\n"
            "holds for every replica until `auto --fleet`.\n"},
    Command{"online", "POOL ID [--fleet]", 2, 2, "treat a server as up, whatever its checks find",
            "`auto` ends it. With --fleet it holds for every replica until `auto --fleet`.\n"},
    Command{"auto", "POOL ID [--fleet]", 2, 2, "let checks decide again",
            "Ends `drain`, `offline` and `online`. With --fleet it ends those of the fleet; one\n"
            "of this replica alone, which stands above it, is left.\n"},
    Command{"clear", "POOL ID", 2, 2, "reset a server's health state",
            "Ends its time-out by `passive` checks; its active checks start afresh.\n"},
    Command{"certificates", "", 0, 0, "certificates of listeners and pools, and when they expire",
            "", looks},
    Command{"overrides", "", 0, 0, "run-time overrides of servers",
            "Registrations, unregistrations, weights and addresses that were set, drain, offline\n"
            "and online; also those of pools that are not in the file, which have no effect until\n"
            "they are.\n",
            looks},
    Command{"forget", "POOL ID [--fleet]", 2, 2, "drop the run-time overrides of a server",
            "After it the file, DNS, etcd and the fleet decide about the server. With --fleet the\n"
            "override of the fleet is dropped, as by `auto --fleet`.\n"},
    Command{
        "plan", "FILE [--fleet]", 1, 1,
        "what a reload of FILE would change, and which keys would move",
        "Nothing is changed. The plan includes server states and run-time overrides.\n"
        "The exit status is 1 if a reload would refuse the file. With --fleet it is also shown\n"
        "for which replicas the plan holds, and in what the others differ from this one.\n",
        looks},
    Command{"fleet", "", 0, 0, "the replicas of the fleet, whether they agree, and etcd",
            "Every replica should have the same file and the same ring of each pool: then every\n"
            "key is placed alike, whichever replica a client comes to.\n",
            looks},
    Command{"reload", "[--max-moved N%]", 0, 2, "read the configuration file again, as SIGHUP does",
            "All or nothing: with any error in the file, nothing changes and every error is\n"
            "printed. With --max-moved 10% a reload is also refused if more of the keys of a\n"
            "pool or listener would move.\n"},
    Command{"log", "level [LEVEL [for TIME]]", 1, 4, "the level of the log, or set it for a time",
            "LEVEL is debug, info, warn or error, TIME as 30s or 5m, up to 24h. When the time is\n"
            "over the level is the file's again; until then a reload leaves it. Without a time it\n"
            "holds until the next reload.\n"},
    Command{"completion", "SHELL", 1, 1, "the completion script for bash or zsh",
            "In ~/.bashrc: source <(ringctl completion bash)\n"
            "In ~/.zshrc, after compinit: source <(ringctl completion zsh)\n",
            of_ringctl},
};

constexpr std::string_view options_help =
    "options:\n"
    "  --socket PATH      the admin socket; else $RINGWAY_SOCKET, else\n"
    "                     /run/ringway/admin.sock\n"
    "  --json             print the answer as received, one JSON object on one line\n"
    "  --watch [SECONDS]  repeat every second, or every SECONDS, until Ctrl-C\n"
    "  --fleet            for all replicas of the fleet: with register, unregister, drain,\n"
    "                     offline, online, auto, forget and plan\n"
    "  --color WHEN       auto (the default: on terminals, where NO_COLOR is not set),\n"
    "                     always or never\n"
    "  --timeout SECONDS  how long to wait for an answer (10)\n"
    "  --version          print the version of ringctl\n"
    "  --help             print this, or the help of a command\n"
    "\n"
    "exit status: 0 done, 1 the proxy refused, 2 wrong usage, 3 the proxy cannot be\n"
    "reached, 4 the answer could not be written.\n";

}  // namespace

std::span<const Command> commands() {
    return all_commands;
}

const Command* find_command(std::string_view name) {
    const auto* const found = std::find_if(all_commands.begin(), all_commands.end(),
                                           [&](const Command& c) { return c.name == name; });
    return found == all_commands.end() ? nullptr : found;
}

bool may_be_for_fleet(const Command& command) {
    return command.arguments.ends_with("[--fleet]");
}

std::string usage_line(const Command& command) {
    return fmt::format("usage: ringctl {}{}{}\n", command.name,
                       command.arguments.empty() ? "" : " ", command.arguments);
}

std::string help_text() {
    std::string out = "usage: ringctl [OPTIONS] COMMAND [WORDS]\n\ncommands:\n";
    for (const Command& command : all_commands) {
        // --fleet is among the options below.
        const auto arguments = command.arguments.substr(0, command.arguments.find("[--fleet]"));
        std::string call = fmt::format("{} {}", command.name, arguments);
        if (call.ends_with(' ')) call.pop_back();
        // The longest call would push all summaries to the right.
        if (call.size() > 20) {
            out += fmt::format("  {}\n  {:20} {}\n", call, "", command.summary);
        } else {
            out += fmt::format("  {:20} {}\n", call, command.summary);
        }
    }
    out += fmt::format("  {:20} {}\n\n", "help [COMMAND]", "this, or one command in full");
    out += options_help;
    return out;
}

std::string help_text(const Command& command) {
    return fmt::format("{}\n{}\n{}{}", usage_line(command), command.summary,
                       command.details.empty() ? "" : "\n", command.details);
}

}  // namespace ringway::ringctl
