// Random configuration files, valid ones and broken ones, made from conf/schema.json: an entry that
// is added there takes part here, but for those of TLS (config_recipes.h). The same seed gives the
// same texts. One thread each; the schema is read from the source tree once a process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "tests/simulation/config_draw.h"

namespace ringway::simulation {

// What the configurations of one history have in common.
struct ConfigWorld {
    // Where the admin socket, the state file, log files and unix sockets are: an absolute path of
    // at most 80 bytes, which need not exist.
    std::string folder;
};

class RandomConfig {
public:
    // Throws std::invalid_argument where the folder is none.
    RandomConfig(std::uint64_t seed, ConfigWorld world);

    // A configuration, as JSON, one entry a line where it has several. `workers`, `admin.socket`,
    // `admin.http` and `admin.state` need a restart: they are those of the world, but in one
    // of 30 configurations, which a reload must refuse.
    std::string valid();
    // Another one, with one to three small changes. `previous_valid` is from a RandomConfig; throws
    // boost::system::system_error where it is not.
    std::string next(const std::string& previous_valid);
    // One that conf::parse refuses.
    std::string broken();

private:
    boost::json::object draw_valid();
    void set_fixed(boost::json::object& root);

    ConfigDraw draw_;
    // Entries of the root and of admin; absent where the world has none.
    boost::json::object fixed_root_;
    boost::json::object fixed_admin_;
};

// Every entry of a schema by its path, "pools.*.health.interval", and each of its keywords:
// "pools.*.hash.algorithm=maglev". In the schema's order.
std::vector<std::string> entries_of_schema(const std::string& schema_json);
// Those of conf/schema.json that RandomConfig may set.
std::vector<std::string> entries_generated();

}  // namespace ringway::simulation
