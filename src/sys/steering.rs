//! Which of several sockets on one address gets a datagram: chosen in the kernel, by who sent it. Opens no socket.

use super::error::check;
use super::udp::UdpSocket;
use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd;

impl UdpSocket {
    /// From now on each client meets the same one of the `count` sockets that share this one's address: chosen by a keyed hash of
    /// the client's IPv4 address or IPv6 /64, and not, as the kernel does by itself, by its port too.
    ///
    /// The key keeps clients from choosing their socket.
    pub fn steer_by_source(&self, count: u32, key: [u32; 4]) -> io::Result<()> {
        let mut program = program(count.max(1), key);
        let length = u16::try_from(program.len()).unwrap_or(u16::MAX);
        let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
        let (descriptor, option) = (self.as_raw_fd(), libc::SO_ATTACH_REUSEPORT_CBPF);
        let pointer = (&raw const filter).cast();
        // SAFETY: the pointer is to a sock_fprog, whose size is given; it points to as many instructions as it says, and all of it
        // lives during the call, which copies the instructions.
        let result = unsafe { libc::setsockopt(descriptor, libc::SOL_SOCKET, option, pointer, PROGRAM) };
        check("setsockopt (SO_ATTACH_REUSEPORT_CBPF)", result).map(drop)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is 8 or 16")]
const PROGRAM: libc::socklen_t = size_of::<libc::sock_fprog>() as libc::socklen_t;

/// A classic BPF program: datagram in, number of the socket out. `A` and `X` are the machine's two registers.
fn program(count: u32, [key_a, key_b, key_c, key_d]: [u32; 4]) -> Vec<libc::sock_filter> {
    let network = |offset: u32| libc::SKF_NET_OFF.cast_unsigned().wrapping_add(offset);
    let mut program = vec![
        // The version is the first half of the first byte, in either header.
        op(LOAD_BYTE, network(0)),
        op(SHIFT_RIGHT, 4),
        // IPv6 goes on after the next two.
        libc::sock_filter { jt: 2, ..op(JUMP_IF_EQUAL, 6) },
        op(LOAD_WORD, network(12)),
        op(JUMP, V6_LENGTH),
    ];
    let v6 = [op(LOAD_WORD, network(8)), op(XOR, key_a), op(MULTIPLY, key_b | 1)];
    program.extend(v6.into_iter().chain(fold(15)).chain([
        op(COPY_A_TO_X, 0),
        op(LOAD_WORD, network(12)),
        op(XOR_X, 0),
    ]));
    // Each multiplication carries low bits upwards, each fold carries high bits down again.
    program.extend([op(XOR, key_c), op(MULTIPLY, key_d | 1)].into_iter().chain(fold(16)));
    program.extend([op(MULTIPLY, ODD_AND_MIXED)].into_iter().chain(fold(15)));
    program.extend([op(MODULO, count), op(RETURN_A, 0)]);
    program
}

/// A := A xor (A >> bits)
fn fold(bits: u32) -> [libc::sock_filter; 3] {
    [op(COPY_A_TO_X, 0), op(SHIFT_RIGHT, bits), op(XOR_X, 0)]
}

const fn op(code: u16, operand: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: 0, k: operand }
}

/// Instructions that an IPv4 datagram jumps over.
const V6_LENGTH: u32 = 9;
/// 2³² over the golden ratio.
const ODD_AND_MIXED: u32 = 0x9e37_79b1;

const LOAD_BYTE: u16 = code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS);
const LOAD_WORD: u16 = code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
const SHIFT_RIGHT: u16 = code(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K);
const XOR: u16 = code(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_K);
const XOR_X: u16 = code(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X);
const MULTIPLY: u16 = code(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K);
const MODULO: u16 = code(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K);
const JUMP: u16 = code(libc::BPF_JMP | libc::BPF_JA);
const JUMP_IF_EQUAL: u16 = code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
const COPY_A_TO_X: u16 = code(libc::BPF_MISC | libc::BPF_TAX);
const RETURN_A: u16 = code(libc::BPF_RET | libc::BPF_A);

#[expect(clippy::cast_possible_truncation, reason = "codes have eight bits")]
const fn code(bits: u32) -> u16 {
    bits as u16
}

#[cfg(test)]
mod tests;
