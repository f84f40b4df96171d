//! A whole engine in Rust, without crates: named totals that are added to.
//!
//! A total is stored as 8 bytes under its name, in space 0. A record holds the new total and then the
//! name: the effect, not the command, so that applying it again gives the same.

mod stator;

use std::ffi::{c_char, CStr};
use std::ptr::null;
use std::sync::OnceLock;

use stator::*;

const SPACE: u8 = 0;
const RECORD_SET: u32 = 1;
const TOTAL_BYTES: usize = 8;
const ARG_NAME: usize = 0;
const ARG_BY: usize = 1;

struct Services {
    reply: &'static ReplyService,
    records: &'static RecordsService,
    kv: &'static KvService,
}

static SERVICES: OnceLock<Services> = OnceLock::new();

fn services() -> &'static Services {
    SERVICES.get().expect("the entry comes first")
}

// ---- the answer ------------------------------------------------------------------------------
fn put(call: *mut Call, text: &str) -> bool {
    let reply = services().reply;
    unsafe {
        let room = (reply.reserve)(call, text.len() as u64);
        if room.is_null() {
            return false;
        }
        std::ptr::copy_nonoverlapping(text.as_ptr(), room as *mut u8, text.len());
        (reply.commit)(call, text.len() as u64);
    }
    true
}

fn refuse(call: *mut Call, code: Status, field: Option<&CStr>, sentence: &str) -> Status {
    let field = field.map_or(null(), CStr::as_ptr);
    unsafe { (services().reply.fail)(call, code, field, sentence.as_ptr() as *const c_char, sentence.len() as u64) }
}

fn answered(call: *mut Call, is_written: bool) -> Status {
    if is_written {
        return OK;
    }
    refuse(call, E_FAN_OUT_EXCEEDED, None, "the answer exceeds the frame limit")
}

// ---- the ops ---------------------------------------------------------------------------------
fn total_of(request: &Request) -> u64 {
    let mut stored = Bytes { data: null(), size: 0 };
    let name = Bytes::of(request.bytes(ARG_NAME));
    if unsafe { (services().kv.get)(request.call, SPACE, name, &mut stored) } == 0 {
        return 0;
    }
    u64::from_le_bytes(unsafe { stored.get() }.try_into().expect("a total has 8 bytes"))
}

/// counter_get, the only READ op.
unsafe extern "C" fn read(_: *const Instance, request: *const Request) -> Status {
    guarded(|| {
        let request = &*request;
        answered(request.call, put(request.call, &format!("{{\"total\":{}}}", total_of(request))))
    })
}

/// counter_add, the only WRITE op.
unsafe extern "C" fn prepare(_: *const Instance, request: *const Request) -> Status {
    guarded(|| {
        let request = &*request;
        let Some(total) = total_of(request).checked_add(request.u64(ARG_BY)) else {
            return refuse(request.call, E_REJECTED_CONSTRAINT, Some(c"by"), "the total would overflow");
        };
        let mut payload = total.to_le_bytes().to_vec();
        payload.extend_from_slice(request.bytes(ARG_NAME));
        let status = (services().records.add)(request.call, request.vshard, RECORD_SET, Bytes::of(&payload));
        if status != OK {
            return status;
        }
        if !put(request.call, &format!("{{\"total\":{total},\"lsn\":")) {
            return answered(request.call, false);
        }
        (services().reply.lsn_here)(request.call);
        answered(request.call, put(request.call, "}"))
    })
}

unsafe extern "C" fn apply(_: *mut Instance, record: *const Record) -> Status {
    guarded(|| {
        let record = &*record;
        let (total, name) = record.payload.get().split_at(TOTAL_BYTES);
        (services().kv.put)(record.call, SPACE, record.vshard, Bytes::of(name), Bytes::of(total));
        OK
    })
}

/// All state is in kv: an instance is nothing but an address that is not null.
unsafe extern "C" fn open(_: *const Open, out: *mut *mut Instance, _: *mut c_char, _: u64) -> Status {
    *out = std::ptr::NonNull::dangling().as_ptr();
    OK
}

unsafe extern "C" fn close(_: *mut Instance) {}

// ---- the rows --------------------------------------------------------------------------------
const fn arg(kind: u32, name: &'static CStr, doc: &'static CStr) -> Arg {
    Arg {
        struct_size: size_of::<Arg>() as u32,
        r#type: kind,
        flags: 0,
        choice_count: 0,
        name: name.as_ptr(),
        alias: null(),
        doc: doc.as_ptr(),
        default_json: null(),
        min: 0.0,
        max: 0.0,
        choices: null(),
        fields: null(),
        field_count: 0,
    }
}

static ARGS: Shared<[Arg; 2]> = Shared([
    Arg { flags: ARG_REQUIRED | ARG_ROUTING_KEY, min: 1.0, max: 64.0, ..arg(ARG_STR, c"name", c"Which total.") },
    Arg { default_json: c"1".as_ptr(), ..arg(ARG_U64, c"by", c"How much to add.") },
]);

const fn op(class: u32, permission: u32, args: u32, name: &'static CStr, doc: &'static CStr) -> Op {
    Op {
        struct_size: size_of::<Op>() as u32,
        op_class: class,
        permission,
        placement: PLACE_DOCUMENT,
        cost: COST_POINT,
        arg_count: args,
        name: name.as_ptr(),
        aliases: null(),
        doc: doc.as_ptr(),
        result: null(),
        example: null(),
        args: ARGS.0.as_ptr(),
        requires_ops: null(),
        key_space: 0,
        flags: 0,
    }
}

static ADD: Shared<Op> = Shared(Op {
    result: cr#"{"total":N,"lsn":N}"#.as_ptr(),
    example: cr#"{"op":"counter_add","name":"hits","by":2}"#.as_ptr(),
    ..op(OP_WRITE, PERM_WRITE, 2, c"counter_add", c"Adds to a total.")
});
static GET: Shared<Op> = Shared(Op {
    result: cr#"{"total":N}"#.as_ptr(),
    example: cr#"{"op":"counter_get","name":"hits"}"#.as_ptr(),
    ..op(OP_READ, PERM_READ, 1, c"counter_get", c"Reads a total.")
});
static OPS: Shared<[*const Op; 2]> = Shared([&ADD.0, &GET.0]);

static ENGINE: Shared<EngineV1> = Shared(EngineV1 {
    struct_size: size_of::<EngineV1>() as u32,
    abi_major: ABI_MAJOR,
    abi_minor: NEEDS_ABI_MINOR,
    op_count: 2,
    id: c"counter".as_ptr(),
    version: c"1.0.0".as_ptr(),
    vendor: c"you".as_ptr(),
    doc: c"Named totals.".as_ptr(),
    ops: OPS.0.as_ptr(),
    config_keys: null(),
    config_key_count: 0,
    open: Some(open),
    close: Some(close),
    read: Some(read),
    prepare: Some(prepare),
    apply: Some(apply),
    merge: None,
    derived_spaces: null(),
    derived_space_count: 0,
    describe_change: null(),
    work: null(),
    forget: null(),
});

const NOTE_JSON: &str = r#"{"id":"counter","version":"1.0.0","abi_major":1,"abi_minor":0}"#;

#[used]
#[link_section = ".note.stator.engine"]
static NOTE: Note<{ NOTE_JSON.len() }> = note(match NOTE_JSON.as_bytes().first_chunk() {
    Some(bytes) => bytes,
    None => unreachable!(),
});

/// # Safety
/// Called by the kernel with a hello that lives for the call.
#[no_mangle]
pub unsafe extern "C" fn stator_engine_entry_v1(hello: *const KernelHello) -> *const EngineV1 {
    let hello = &*hello;
    if hello.abi_major != ABI_MAJOR {
        return null();
    }
    let fetch = |id: &CStr| (hello.get_service)(id.as_ptr());
    let (reply, records, kv) = (fetch(c"stator.reply/1"), fetch(c"stator.records/1"), fetch(c"stator.kv/1"));
    if reply.is_null() || records.is_null() || kv.is_null() {
        return null();
    }
    SERVICES.get_or_init(|| Services {
        reply: &*(reply as *const ReplyService),
        records: &*(records as *const RecordsService),
        kv: &*(kv as *const KvService),
    });
    &ENGINE.0
}
