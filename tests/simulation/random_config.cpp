#include "tests/simulation/random_config.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "tests/simulation/config_breaks.h"
#include "tests/simulation/config_edits.h"
#include "tests/simulation/config_rules.h"
#include "tests/simulation/config_text.h"

namespace ringway::simulation {
namespace {

using boost::json::object;

constexpr std::size_t folder_bytes_most = 80;  // leaves room for names in a socket's path
constexpr std::size_t fixed_changes_one_in = 30;
constexpr int tries_most = 16;
constexpr std::array<std::string_view, 3> fixed_of_admin{"socket", "http", "state"};

std::string checked(std::string folder) {
    while (folder.ends_with('/')) folder.pop_back();
    if (!folder.starts_with('/') || folder.size() > folder_bytes_most) {
        throw std::invalid_argument("no absolute path of at most 80 bytes: " + folder);
    }
    return folder;
}

// Each of the entries and keywords that `wanted` knows, in order.
template <class Wanted>
void collect(const SchemaNode& node, std::vector<std::string>& out, const Wanted& wanted) {
    for (const auto& word : node.words) out.push_back(node.path + '=' + word);
    for (const auto& property : node.properties) {
        if (!wanted(property.node)) continue;
        out.push_back(property.node.path);
        collect(property.node, out, wanted);
    }
    if (node.named && wanted(node)) collect(*node.named, out, wanted);
    if (node.items && wanted(*node.items)) collect(*node.items, out, wanted);
}

}  // namespace

RandomConfig::RandomConfig(std::uint64_t seed, ConfigWorld world)
    : draw_(seed, checked(std::move(world.folder))) {
    auto& random = draw_.random();
    fixed_root_["workers"] = 1 + static_cast<std::int64_t>(random.below(3));
    if (random.one_in(2)) draw_.set(fixed_root_, configuration_schema(), "engine");
    const auto& admin = configuration_schema().at("admin");
    if (!random.one_in(8)) draw_.set(fixed_admin_, admin, "socket");
    if (!random.one_in(4)) draw_.set(fixed_admin_, admin, "http");
    if (!random.one_in(4)) draw_.set(fixed_admin_, admin, "state");
}

std::string RandomConfig::valid() {
    return write_config(draw_valid());
}

std::string RandomConfig::next(const std::string& previous_valid) {
    const auto previous = read_config(previous_valid);
    std::string text = previous_valid;
    // An edit may find nothing to change, or may be undone by the rules.
    for (int left = tries_most; left > 0 && text == previous_valid; --left) {
        auto root = previous;
        for (auto edits = 1 + draw_.random().below(3); edits > 0; --edits) edit(root, draw_);
        mend(root, draw_);
        set_fixed(root);
        text = write_config(root);
    }
    return text;
}

std::string RandomConfig::broken() {
    return break_config(draw_valid(), draw_);
}

object RandomConfig::draw_valid() {
    auto root = draw_.value(configuration_schema()).as_object();
    mend(root, draw_);
    set_fixed(root);
    return root;
}

void RandomConfig::set_fixed(object& root) {
    const auto& schema = configuration_schema();
    auto& random = draw_.random();
    const std::size_t workers = fixed_of_admin.size();
    // What is changed nevertheless.
    const std::size_t changed =
        random.one_in(fixed_changes_one_in) ? random.below(workers + 1) : workers + 1;
    for (const auto& [name, value] : fixed_root_) root[name] = value;
    if (changed == workers) draw_.set(root, schema, "workers");
    // An entry that is added moves the others: there is no reference to them before.
    auto& admin = root.emplace("admin", object{}).first->value().as_object();
    for (const auto name : fixed_of_admin) {
        if (const auto* fixed = fixed_admin_.if_contains(name)) {
            admin[name] = *fixed;
        } else {
            admin.erase(name);
        }
    }
    if (changed < workers) {
        const auto name = fixed_of_admin[changed];
        if (admin.contains(name) && random.one_in(2)) {
            admin.erase(name);
        } else {
            draw_.set(admin, schema.at("admin"), name);
        }
    }
    if (admin.empty()) root.erase("admin");
}

std::vector<std::string> entries_of_schema(const std::string& schema_json) {
    std::vector<std::string> out;
    collect(read_schema(schema_json), out, [](const SchemaNode&) { return true; });
    return out;
}

std::vector<std::string> entries_generated() {
    std::vector<std::string> out;
    collect(configuration_schema(), out, can_draw);
    return out;
}

}  // namespace ringway::simulation
