// The commands that ringctl knows by name, for help and to check their arguments. Others are sent
// to the proxy unchecked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace ringway::ringctl {

inline constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();

struct Command {
    std::string_view name;
    std::string_view arguments;  // as in "POOL ID"
    std::size_t min_words;       // that follow the name, without --fleet
    std::size_t max_words;       // any_number if the command has no limit of its own
    std::string_view summary;    // one line
    std::string_view details;    // lines for `help COMMAND`, each with a newline; may be empty
    // Who executes it, and whether it only reads, so that --watch may repeat it.
    enum class Kind : std::uint8_t { looks, changes, of_ringctl } kind = Kind::changes;
};

std::span<const Command> commands();

// nullptr for an unknown name.
const Command* find_command(std::string_view name);

// Whether it takes --fleet.
bool may_be_for_fleet(const Command& command);

// "usage: ringctl server POOL ID".
std::string usage_line(const Command& command);

std::string help_text();
std::string help_text(const Command& command);

}  // namespace ringway::ringctl
