#include "formats/prototxt.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/testing.h"

namespace netwright {
namespace {

using test::error_of;

std::string error_in(std::string_view text) {
  return error_of([&] { parse_prototxt(text, "net"); });
}

TEST(Prototxt, BlocksAndFields) {
  std::vector<PrototxtRemark> remarks;
  const auto blocks = parse_prototxt("\n[Model]\r\nname=a\r\n\r\n\r\n[Add]\n name = b\ninput=['x', \"y z\"]\n\tk=50\n",
                                     "net", &remarks);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].kind, "Model");
  EXPECT_EQ(blocks[0].line, 2);
  EXPECT_EQ(blocks[1].kind, "Add");
  ASSERT_EQ(blocks[1].fields.size(), 3U);
  EXPECT_EQ(blocks[1].find("name")->cleaned(), "b");
  EXPECT_EQ(blocks[1].find("input")->value, "['x', \"y z\"]");
  EXPECT_EQ(blocks[1].find("input")->cleaned(), "[x,yz]");
  EXPECT_EQ(blocks[1].find("\tk")->line, 9) << "tabs are kept";
  EXPECT_EQ(blocks[1].find("filters"), nullptr);
  EXPECT_TRUE(remarks.empty());
  for (const char* empty : {"", "\n", "\n\n\r\n"}) EXPECT_TRUE(parse_prototxt(empty, "net").empty());
  EXPECT_EQ(parse_prototxt("[A]\nk=5\n\n\n\n", "net").size(), 1U);
}

// What the original takes, but otherwise than it looks.
TEST(Prototxt, OddLinesAreRemarked) {
  struct Row {
    std::string_view text;
    int line;
    std::string_view remark;
    std::string_view k;
  };
  for (const Row& row :
       {Row{"[A]\nk=1\n\"k\"=2\n", 3, "a second k in this [A], which counts; the first is in line 2", "2"},
        Row{"[A]\nk=1=2\n", 2, "\"k=1=2\": what follows the second = is passed over", "1"},
        Row{"[A] \t\nk=1\n", 1, "blanks behind [A], for which the original passes the block over", "1"},
        Row{"[A]\nk=50", 2, "the last line has no newline; the original loses its last character", "50"}}) {
    std::vector<PrototxtRemark> remarks;
    const auto blocks = parse_prototxt(row.text, "net", &remarks);
    ASSERT_EQ(remarks.size(), 1U) << row.text;
    EXPECT_EQ(remarks[0].line, row.line) << row.text;
    EXPECT_EQ(remarks[0].text, row.remark);
    EXPECT_EQ(blocks[0].kind, "A");
    EXPECT_EQ(blocks[0].find("k")->cleaned(), row.k) << row.text;
  }
}

TEST(Prototxt, WritesWhatItRead) {
  const auto odd = parse_prototxt("[Add]\nname=b\r\r\n", "net");
  EXPECT_EQ(to_prototxt(odd), "[Add]\nname=b\n\n");
  const std::string text = "[Model]\nname=a\nname=b=c\n\n[Concat]\nname=c\ninput= ['a', 'b'] \n\n";
  EXPECT_EQ(to_prototxt(parse_prototxt(text, "net")), text);
}

TEST(Prototxt, MalformedLinesAreNamed) {
  const std::string header = ", expected a header such as [Convolutional]";
  const std::string field = ", expected key=value, or nothing at all where the block ends";
  EXPECT_EQ(error_in("name=a\n"), "net:1: \"name=a\"" + header);
  EXPECT_EQ(error_in(" [Add]\n"), "net:1: \" [Add]\"" + header);
  EXPECT_EQ(error_in("[Add]\nname=a\n\ninput=b\n"), "net:4: \"input=b\"" + header);
  EXPECT_EQ(error_in("[Add]\nname=a\n\n# a comment\n"), "net:4: \"# a comment\"" + header);
  EXPECT_EQ(error_in("[Add]\nname=a\n\n  \n"), "net:4: \"  \"" + header);
  EXPECT_EQ(error_in("[Add]\n# a comment\n"), "net:2: \"# a comment\"" + field);
  EXPECT_EQ(error_in("[Add]\nname=a\n \n[Add]\n"), "net:3: \" \"" + field);
  EXPECT_EQ(error_in("[Add]\nname=a\n[Add]\n"), "net:3: \"[Add]\", expected an empty line before the next block");
  EXPECT_EQ(error_in("[Add\nname=a\n"), "net:1: \"[Add\"" + header);
  EXPECT_EQ(error_in("[]\n"), "net:1: \"[]\"" + header);
  EXPECT_EQ(error_in("[A]b\n"), "net:1: \"[A]b\"" + header);
  EXPECT_EQ(error_in("[Add]\nname=\xffv\n"), "net:2: \"name=\\xffv\", expected plain text in ASCII");
  EXPECT_EQ(error_in("[Add]\n=b\n"), "net:2: \"=b\", expected a key before the =");
  EXPECT_EQ(error_in("[Add]\n'[a=b\n"), "net:2: \"'[a=b\", expected a key before the =");  // a header once written
}

}  // namespace
}  // namespace netwright
