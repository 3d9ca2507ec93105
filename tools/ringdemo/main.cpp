// Both ends of a demonstration: servers that send their id, and a client that connects with many
// keys.
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/variables_map.hpp>

#include "tools/ringdemo/ask.h"
#include "tools/ringdemo/serve.h"

namespace {

namespace po = boost::program_options;
using boost::asio::ip::tcp;
using namespace ringway::ringdemo;

constexpr int exit_failed = 3;

constexpr const char* usage_text =
    "usage: ringdemo serve --id NAME --listen ADDRESS:PORT\n"
    "       ringdemo ask --connect ADDRESS:PORT [--keys N] [--prefix TEXT]\n"
    "                    [--save FILE] [--compare FILE]\n"
    "       ringdemo free-port\n"
    "\n"
    "serve      answers each line it receives with NAME; port 0 takes a free one\n"
    "ask        sends each of N keys (300) on a connection of its own and prints which\n"
    "           server answered; --save keeps the answers, --compare prints what has moved\n"
    "           since. Exit status 1 if a key had no answer, or moved between two\n"
    "           servers that answered before and after.\n"
    "free-port  prints a free TCP port of 127.0.0.1\n";

// "127.0.0.1:0" or "[::1]:80".
tcp::endpoint parse_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) throw po::error("expected ADDRESS:PORT, found " + text);
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    const std::string port = text.substr(colon + 1);
    const bool digits = !port.empty() && port.size() <= 5 &&
                        port.find_first_not_of("0123456789") == std::string::npos;
    if (error || !digits || std::stoul(port) > 65'535) {
        throw po::error("expected ADDRESS:PORT, found " + text);
    }
    return {address, static_cast<std::uint16_t>(std::stoul(port))};
}

po::variables_map parse(const std::vector<std::string>& arguments,
                        const po::options_description& options) {
    po::variables_map values;
    po::store(po::command_line_parser(arguments)
                  .options(options)
                  .positional(po::positional_options_description())
                  .run(),
              values);
    po::notify(values);
    return values;
}

int run_serve(const std::vector<std::string>& arguments) {
    std::string id, listen;
    po::options_description options;
    options.add_options()("id", po::value(&id)->required())("listen",
                                                            po::value(&listen)->required());
    parse(arguments, options);
    serve(id, parse_endpoint(listen));
    return 0;
}

int run_ask(const std::vector<std::string>& arguments) {
    AskOptions asked;
    std::string connect;
    po::options_description options;
    options.add_options()                             //
        ("connect", po::value(&connect)->required())  //
        ("keys", po::value(&asked.keys))              //
        ("prefix", po::value(&asked.prefix))          //
        ("save", po::value(&asked.save))              //
        ("compare", po::value(&asked.compare));
    parse(arguments, options);
    asked.where = parse_endpoint(connect);
    if (asked.prefix.find_first_of(" \n") != std::string::npos) {
        throw po::error("--prefix holds no blanks and no newlines");
    }
    const auto fine = ask(asked, std::cout);
    if (!fine) {
        std::cerr << "ringdemo: " << fine.error().text << '\n';
        return exit_failed;
    }
    return *fine ? 0 : 1;
}

int print_free_port() {
    boost::asio::io_context io;
    const tcp::acceptor bound(io, {boost::asio::ip::address_v4::loopback(), 0});
    std::cout << bound.local_endpoint().port() << '\n';
    return 0;
}

int run(std::vector<std::string> arguments) {
    const std::string command = arguments.empty() ? "" : arguments.front();
    if (!arguments.empty()) arguments.erase(arguments.begin());
    if (command == "serve") return run_serve(arguments);
    if (command == "ask") return run_ask(arguments);
    if (command == "free-port") return print_free_port();
    const bool is_help = command == "help" || command == "--help" || command == "-h";
    (is_help ? std::cout : std::cerr) << usage_text;
    return is_help ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const po::error& error) {
        std::cerr << "ringdemo: " << error.what() << '\n' << usage_text;
        return 2;
    } catch (const boost::system::system_error& error) {
        std::cerr << "ringdemo: " << error.code().message() << '\n';
        return exit_failed;
    } catch (const std::exception& error) {
        std::cerr << "ringdemo: " << error.what() << '\n';
        return exit_failed;
    }
}
