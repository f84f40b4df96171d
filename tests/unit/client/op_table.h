// An op table as a server describes it; the ops are nobody's.
#pragma once

namespace stator::client {

inline constexpr const char* kOpTable = R"({
"server":{"name":"statord","version":"0.1.0"},
"engines":[{"id":"shelf","version":"1","vendor":"tests","doc":"Keeps things.","state":"serving"}],
"ops":[
{"name":"thing_get","canonical":"shelf.thing_get","engine":"shelf","class":"read",
 "permission":"read","placement":"document","cost":"point","aliases":["fetch"],"requires_ops":[],
 "doc":"Reads a thing. Slowly.","result":"{thing}","example":{"op":"thing_get","thing_id":"a"},
 "args":[
  {"name":"thing_id","alias":"tid","type":"str","required":true,"nullable":false,"doc":"Which.",
   "routing_key":true,"sensitive":false,"min":1,"max":64},
  {"name":"fields","type":"strvec","required":false,"nullable":false,"doc":"Only these."}]},
{"name":"thing_put","canonical":"shelf.thing_put","engine":"shelf","class":"write",
 "permission":"write","placement":"document","cost":"point","aliases":[],"requires_ops":["other"],
 "doc":"Puts a thing.","result":"{lsn}","example":null,
 "args":[
  {"name":"thing_id","type":"str","required":true,"nullable":false,"doc":"Which."},
  {"name":"data","type":"json","required":true,"nullable":false,"json_kinds":["object"],"doc":"What."},
  {"name":"count","type":"u64","required":false,"nullable":false,"doc":"How many.","default":1,"min":1,"max":10},
  {"name":"weight","type":"f64","required":false,"nullable":true,"doc":"How heavy.","default":null},
  {"name":"if_absent","type":"bool","required":false,"nullable":false,"doc":"Only new."},
  {"name":"mode","type":"enum","required":false,"nullable":false,"doc":"How.","choices":["fast","safe"],"default":"safe"},
  {"name":"vector","type":"f32vec","required":false,"nullable":false,"doc":"Where."},
  {"name":"blob","type":"bytes","required":false,"nullable":false,"doc":"Bytes."},
  {"name":"bound","type":"json","required":false,"nullable":false,"json_kinds":["scalar"],"doc":"Any scalar."},
  {"name":"parts","type":"rows","required":false,"nullable":false,"doc":"Parts.","fields":[
    {"name":"part_id","type":"str","required":true,"nullable":false,"doc":"Which part."}]}]},
{"name":"thing_count","canonical":"shelf.thing_count","engine":"shelf","class":"read",
 "permission":"read","placement":"all","cost":"scan","aliases":[],"requires_ops":[],
 "doc":"Counts.","result":"{count}","example":{"op":"thing_count"},"args":[]},
{"name":"member_add","canonical":"kernel.member_add","engine":"kernel","class":"control",
 "permission":"admin","placement":"any","cost":"point","aliases":[],"requires_ops":[],
 "doc":"Adds a member.","result":"{}","example":null,
 "args":[{"name":"member","type":"str","required":true,"nullable":false,"doc":"Who."},
  {"name":"secret","type":"str","required":true,"nullable":false,"doc":"Word.","sensitive":true}]}
]})";

}  // namespace stator::client
