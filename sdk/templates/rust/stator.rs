//! The contract of Stator's engines (stator/engine.h and what it includes) in Rust, as far as this
//! project uses it; stator/*.h says what each call promises. Standard library only. A test of the SDK
//! compares every field of these structs with the C headers.
#![allow(dead_code)]

use std::ffi::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};

pub type Status = i32;
pub const OK: Status = 0;
pub const E_REJECTED_CONSTRAINT: Status = 1000;
pub const E_FAN_OUT_EXCEEDED: Status = 1201;
pub const E_INTERNAL: Status = 9000;

pub const ABI_MAJOR: u32 = 1;
/// The least minor of the contract that the engine needs.
pub const NEEDS_ABI_MINOR: u32 = 0;

pub const ARG_STR: u32 = 1;
pub const ARG_U64: u32 = 4;
pub const ARG_REQUIRED: u32 = 1;
pub const ARG_ROUTING_KEY: u32 = 2;
pub const OP_READ: u32 = 1;
pub const OP_WRITE: u32 = 2;
pub const PERM_READ: u32 = 1;
pub const PERM_WRITE: u32 = 2;
pub const PLACE_DOCUMENT: u32 = 1;
pub const COST_POINT: u32 = 1;

pub enum Call {}
pub enum Instance {}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub size: u64,
}

impl Bytes {
    pub fn of(bytes: &[u8]) -> Bytes {
        Bytes { data: bytes.as_ptr(), size: bytes.len() as u64 }
    }
    /// # Safety
    /// What it points to must be lent for 'a.
    pub unsafe fn get<'a>(self) -> &'a [u8] {
        if self.size == 0 { &[] } else { std::slice::from_raw_parts(self.data, self.size as usize) }
    }
}

#[repr(C)]
pub struct Str {
    pub data: *const c_char,
    pub size: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    pub offset: u32,
    pub bytes: u32,
}

#[repr(C)]
pub union Value {
    pub i64: i64,
    pub u64: u64,
    pub f64: f64,
    pub slice: Slice,
}

#[repr(C)]
pub struct ArgBlock {
    pub struct_size: u32,
    pub bytes: u32,
    pub given: u64,
    pub present: u64,
    pub vshard: u32,
    pub arg_count: u32,
}

#[repr(C)]
pub struct KernelHello {
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub reserved: u32,
    pub kernel_version: *const c_char,
    pub get_service: unsafe extern "C" fn(*const c_char) -> *const c_void,
}

#[repr(C)]
pub struct Request {
    pub struct_size: u32,
    pub op_index: u32,
    pub tenant: u32,
    pub vshard: u32,
    pub collection: Str,
    pub args: *const ArgBlock,
    pub time_ms: u64,
    pub trace_id: u64,
    pub interrupt: *const u32,
    pub call: *mut Call,
}

impl Request {
    unsafe fn value(&self, i: usize) -> &Value {
        let values = (self.args as *const u8).add((*self.args).struct_size as usize);
        &*(values as *const Value).add(i)
    }
    /// STR, BYTES and JSON arguments.
    pub fn bytes(&self, i: usize) -> &[u8] {
        unsafe {
            let slice = self.value(i).slice;
            std::slice::from_raw_parts((self.args as *const u8).add(slice.offset as usize), slice.bytes as usize)
        }
    }
    pub fn u64(&self, i: usize) -> u64 {
        unsafe { self.value(i).u64 }
    }
}

#[repr(C)]
pub struct Record {
    pub struct_size: u32,
    pub r#type: u32,
    pub tenant: u32,
    pub vshard: u32,
    pub collection: Str,
    pub payload: Bytes,
    pub lsn: u64,
    pub time_ms: u64,
    pub call: *mut Call,
}

#[repr(C)]
pub struct Open {
    pub struct_size: u32,
    pub lane: u32,
    pub lane_count: u32,
    pub reserved: u32,
    pub config_json: Str,
    pub call: *mut Call,
}

#[repr(C)]
pub struct Arg {
    pub struct_size: u32,
    pub r#type: u32,
    pub flags: u32,
    pub choice_count: u32,
    pub name: *const c_char,
    pub alias: *const c_char,
    pub doc: *const c_char,
    pub default_json: *const c_char,
    pub min: f64,
    pub max: f64,
    pub choices: *const *const c_char,
    pub fields: *const Arg,
    pub field_count: u64,
}

#[repr(C)]
pub struct Op {
    pub struct_size: u32,
    pub op_class: u32,
    pub permission: u32,
    pub placement: u32,
    pub cost: u32,
    pub arg_count: u32,
    pub name: *const c_char,
    pub aliases: *const *const c_char,
    pub doc: *const c_char,
    pub result: *const c_char,
    pub example: *const c_char,
    pub args: *const Arg,
    pub requires_ops: *const *const c_char,
    pub key_space: u32,
    pub flags: u32,
}

#[repr(C)]
pub struct EngineV1 {
    pub struct_size: u32,
    pub abi_major: u32,
    pub abi_minor: u32,
    pub op_count: u32,
    pub id: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub doc: *const c_char,
    pub ops: *const *const Op,
    pub config_keys: *const c_void,
    pub config_key_count: u64,
    pub open: Option<unsafe extern "C" fn(*const Open, *mut *mut Instance, *mut c_char, u64) -> Status>,
    pub close: Option<unsafe extern "C" fn(*mut Instance)>,
    pub read: Option<unsafe extern "C" fn(*const Instance, *const Request) -> Status>,
    pub prepare: Option<unsafe extern "C" fn(*const Instance, *const Request) -> Status>,
    pub apply: Option<unsafe extern "C" fn(*mut Instance, *const Record) -> Status>,
    pub merge: Option<unsafe extern "C" fn(*const Instance, *const Request, *const Bytes, u64) -> Status>,
    pub derived_spaces: *const u8,
    pub derived_space_count: u64,
    pub describe_change: *const c_void,
    pub work: *const c_void,
    pub forget: *const c_void,
}

#[repr(C)]
pub struct ReplyService {
    pub struct_size: u32,
    pub reserved: u32,
    pub reserve: unsafe extern "C" fn(*mut Call, u64) -> *mut c_char,
    pub commit: unsafe extern "C" fn(*mut Call, u64),
    pub lsn_here: unsafe extern "C" fn(*mut Call),
    pub set_binary: unsafe extern "C" fn(*mut Call),
    pub fail: unsafe extern "C" fn(*mut Call, Status, *const c_char, *const c_char, u64) -> Status,
    pub more: unsafe extern "C" fn(*mut Call, Str),
}

#[repr(C)]
pub struct RecordsService {
    pub struct_size: u32,
    pub reserved: u32,
    pub add: unsafe extern "C" fn(*mut Call, u32, u32, Bytes) -> Status,
    pub claim: unsafe extern "C" fn(*mut Call, *const c_void) -> Status,
    pub together: unsafe extern "C" fn(*mut Call),
}

#[repr(C)]
pub struct KvService {
    pub struct_size: u32,
    pub reserved: u32,
    pub get: unsafe extern "C" fn(*mut Call, u8, Bytes, *mut Bytes) -> i32,
    pub scan: *const c_void,
    pub next: *const c_void,
    pub put: unsafe extern "C" fn(*mut Call, u8, u32, Bytes, Bytes),
    pub erase: unsafe extern "C" fn(*mut Call, u8, Bytes),
    pub visit_all: *const c_void,
    pub prefetch: *const c_void,
}

/// A table of the kernel's functions, the same for every thread.
unsafe impl Sync for KvService {}

/// The content of the note: its bytes are a section of the library (stator/manifest.h).
#[repr(C, align(4))]
pub struct Note<const N: usize> {
    pub name_size: u32,
    pub content_size: u32,
    pub kind: u32,
    pub name: [u8; 8],
    pub content: [u8; N],
}

pub const fn note<const N: usize>(content: &[u8; N]) -> Note<N> {
    Note { name_size: 7, content_size: N as u32, kind: 1, name: *b"stator\0\0", content: *content }
}

/// Rows and descriptor hold pointers to static data only, so every thread may read them.
#[repr(transparent)]
pub struct Shared<T>(pub T);
unsafe impl<T> Sync for Shared<T> {}

/// A panic may not cross the border: it becomes `internal`.
pub fn guarded(body: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(E_INTERNAL)
}
