#define BOOST_TEST_MODULE loadgen
#include <boost/test/unit_test.hpp>
