// loadgen: both ends of a load, for measuring and checking what is between them.
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "tools/loadgen/run.h"

namespace {

using namespace ringway::loadgen;

constexpr const char* usage =
    R"(usage: loadgen serve --listen ADDRESS:PORT --mode MODE [...] [--listen ...]
       loadgen run --connect ADDRESS:PORT --mode MODE [...]

serve: one or more servers; each --listen begins one, port 0 takes a free one.
  --mode echo      echoes all bytes, with --bytes N in messages of N
         sink      reads all, and answers the client's end with a count of bytes
         source    sends until the client ends, or --bytes N
         answer    reads --request N bytes, sends --bytes N, closes
         idle      accepts and keeps open
         verify    the other end of run --mode verify; exit status 1 if it failed
  --key-line       drop the first line of each connection
  --threads N      --seconds S (default 3600)   --allow-nonlocal

run: the clients. Exit status 1 if anything failed.
  --mode round-trip  messages of --bytes N (64) and their echoes; needs echo
         connect     connect, send --request N (0) or the bytes of --request-file F,
                     read --bytes N (64), close; with --tls and --bytes 0 close after
                     the handshake
         bulk-up     --bytes N (131072) a write, at full speed; needs sink
         bulk-down   needs source
         idle        one round trip of --bytes N (64) each, then nothing
         verify      checks every byte of random streams, at most --bytes N
                     (1048576) a direction, and how they end; --seed N
  --connections N (64)   --threads N (1)   --seconds S (5)   --warmup S (0)
  --operations N     end after N operations
  --rate R           open loop: R operations a second, latencies from when they
                     were due
  --timeout S (5)    --source A-B (addresses to connect from, in turn)
  --key-line         begin each connection with a line that names it
  --tls NAME         within TLS, asking for that name; not with verify
  --tls-resume       each connection resumes the session of an earlier one
  --cpu-of NAME=PID[,PID...]  report the processor time of processes, may be repeated
  --json FILE        --allow-nonlocal (private and test networks)
)";

int run_clients(const std::vector<std::string>& arguments) {
    const RunOptions options = parse_run(arguments);
    const Title title = title_of(options);
    if (options.mode == RunMode::verify) fmt::print("seed {}\n", options.seed);
    const Result result = run(options, [](const std::string& line) {
        fmt::print("{}\n", line);
        std::fflush(stdout);
    });
    fmt::print("{}\n", to_line(title, result));
    if (!options.json_file.empty()) {
        std::ofstream file(options.json_file);
        file << boost::json::serialize(to_json(title, result)) << '\n';
        if (!file.flush()) throw UsageError("cannot write " + options.json_file);
    }
    return result.failures.total() == 0 ? 0 : 1;
}

int run_servers(const std::vector<std::string>& arguments) {
    const ServeOptions options = parse_serve(arguments);
    // Before any thread begins, so that all of them leave the signals to sigwait.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    Servers servers(options);
    for (const ServiceOptions& service : servers.services()) {
        fmt::print("{} on {}\n", to_string(service.mode), service.listen.to_string());
    }
    std::fflush(stdout);
    const auto limit = std::chrono::ceil<std::chrono::seconds>(options.lifetime);
    const timespec wait{.tv_sec = limit.count(), .tv_nsec = 0};
    ::sigtimedwait(&signals, nullptr, &wait);
    servers.stop();
    bool failed = false;
    for (std::size_t i = 0; i < servers.services().size(); ++i) {
        const Failures failures = servers.failures(i);
        failed = failed || failures.total() > 0;
        fmt::print("{} on {}: {} accepted; failures: {}\n", to_string(servers.services()[i].mode),
                   servers.services()[i].listen.to_string(), servers.accepted(i),
                   failures.to_line());
    }
    return failed ? 1 : 0;
}

int run_command(std::vector<std::string> arguments) {
    const std::string command = arguments.empty() ? "" : arguments.front();
    if (!arguments.empty()) arguments.erase(arguments.begin());
    if (command == "run") return run_clients(arguments);
    if (command == "serve") return run_servers(arguments);
    const bool is_help = command == "help" || command == "--help" || command == "-h";
    (is_help ? std::cout : std::cerr) << usage;
    return is_help ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run_command(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const UsageError& error) {
        std::cerr << "loadgen: " << error.what() << "\nloadgen help tells more\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "loadgen: " << error.what() << '\n';
        return 3;
    }
}
