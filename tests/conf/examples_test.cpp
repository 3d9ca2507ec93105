#include <algorithm>
#include <filesystem>
#include <string>
#include <variant>

#include <boost/test/unit_test.hpp>

#include "tests/conf/sample.h"

using namespace ringway::conf;
using namespace ringway::conf::tests;

namespace {

Config example(const std::string& name) {
    auto text = read_file(std::string(CONF_EXAMPLES) + '/' + name);
    BOOST_TEST_REQUIRE(text.has_value());
    return config_of(*text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(examples)

BOOST_AUTO_TEST_CASE(every_example_is_valid) {
    int examples = 0;
    for (const auto& entry : std::filesystem::directory_iterator(CONF_EXAMPLES)) {
        BOOST_TEST_CONTEXT(entry.path()) {
            BOOST_CHECK_NO_THROW(example(entry.path().filename().string()));
        }
        ++examples;
    }
    BOOST_TEST(examples >= 4);
}

BOOST_AUTO_TEST_CASE(the_defaults_in_full_are_the_defaults) {
    const auto config = example("full.yaml");
    BOOST_TEST(config.workers == Config{}.workers);
    BOOST_TEST((config.drain_timeout == Config{}.drain_timeout));
    BOOST_TEST((config.log == LogSettings{}));
    BOOST_TEST((config.listeners.at(0).routes.at(0).key == KeySettings{}));
    BOOST_TEST((config.listeners.at(0).timeouts == ListenerTimeouts{}));
    BOOST_TEST(config.listeners.at(2).routes.at(0).key.max_bytes == KeySettings{}.max_bytes);
    BOOST_TEST(config.listeners.at(3).routes.at(0).key.max_bytes == KeySettings{}.max_bytes);
    const auto& pool = config.pools.at(0);
    auto hash = pool.hash;
    hash.seed.clear();
    hash.balance_factor = 0;
    BOOST_TEST((hash == HashSettings{}));
    auto connect = pool.connect;
    connect.budget = {};
    connect.source_v4.reset();
    connect.source_v6.reset();
    BOOST_TEST((connect == ConnectSettings{}));
    auto health = *pool.health;
    health.fast_interval = {};
    health.send.clear();
    health.expect.clear();
    BOOST_TEST((health.tls.value().name_from == PoolTls::NameFrom::id));
    health.tls_from = {};
    health.tls.reset();
    BOOST_TEST((health == HealthSettings{}));
    BOOST_TEST((*pool.passive == PassiveSettings{}));
    BOOST_TEST((pool.on_down == Leaving{}));
    BOOST_TEST((pool.on_removed.over == Leaving{}.over));
    auto http = *config.pools.at(1).health->http;
    http.host.clear();
    BOOST_TEST((http == HttpCheck{}));
    BOOST_TEST(!pool.send_proxy.authority);
    BOOST_TEST(!pool.send_proxy.unique_id);
    BOOST_TEST(!pool.send_proxy.tls);
    auto to_servers = pool.tls.value();
    BOOST_TEST(to_servers.name == "db.example");
    to_servers.ca.reset();
    to_servers.crl.reset();
    to_servers.name.clear();
    to_servers.name_from = {};
    to_servers.certificate.reset();
    to_servers.alpn.clear();
    BOOST_TEST((to_servers == PoolTls{}));
    const auto secure = std::ranges::find(config.listeners, "secure", &Listener::name);
    BOOST_TEST_REQUIRE((secure != config.listeners.end()));
    auto tls = secure->tls.value();
    BOOST_TEST(tls.client->required);
    tls.ciphers.clear();
    tls.ciphersuites.clear();
    tls.groups.clear();
    tls.alpn.clear();
    tls.client.reset();
    tls.tickets->keys.reset();
    BOOST_TEST((tls == ListenerTls{.certificates = tls.certificates}));
    BOOST_TEST(pool.servers.at(0).weight == Server{}.weight);
}

BOOST_AUTO_TEST_SUITE_END()
