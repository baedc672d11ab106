;; Copies the content of JSON strings 16 bytes at a time (the 128-bit SIMD of WebAssembly 2.0).
;;
;; Eight bytes with escapes are copied by two table look-ups instead of a branch for each byte, as Daniel Lemire and others
;; remove spaces ("How quickly can you remove spaces from a string?", 2017): the bits of the special bytes are the
;; index of a row of 16 positions, and `i8x16.swizzle` puts the bytes there. text-simd.ts fills the tables:
;;
;;     0      the positions of eight bytes with room for a backslash before each special one, for 256 sets of special bytes
;;     4096   the positions of eight bytes without their backslashes, for 256 sets of backslashes
;;     8192   for each byte, the byte that it means behind a backslash, or 0
;;     8448   for each byte, the byte that stands for it behind a backslash, 0x75 for a long escape, or 0 if it needs none
;;     8704   the offset behind the last byte that `unescape` wrote
;;     16384  the source, of at most 16384 bytes
;;     32784  the target
(module
  (memory (export "memory") 3)

  ;; Copies the source up to `end` with escapes. Returns the offset behind the last byte of the target.
  (func (export "escape") (param $end i32) (result i32)
    (local $from i32) (local $to i32) (local $byte i32) (local $letter i32) (local $bits i32)
    (local $text v128) (local $special v128) (local $control v128) (local $index v128)
    (local.set $from (i32.const 16384))
    (local.set $to (i32.const 32784))
    (loop $next
      (block $single
        (br_if $single (i32.gt_s (local.get $from) (i32.sub (local.get $end) (i32.const 16))))
        (local.set $text (v128.load (local.get $from)))
        (local.set $control (i8x16.lt_u (local.get $text) (i8x16.splat (i32.const 0x20))))
        (local.set $special
          (v128.or (local.get $control)
            (v128.or
              (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x22)))
              (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x5c))))))
        (if (i32.eqz (v128.any_true (local.get $special)))
          (then
            (v128.store (local.get $to) (local.get $text))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (local.set $to (i32.add (local.get $to) (i32.const 16)))
            (br $next)))
        ;; The letters of the control characters take their places: b, t, n, f and r.
        (local.set $text
          (v128.bitselect
            (i8x16.swizzle (v128.const i8x16 0 0 0 0 0 0 0 0 0x62 0x74 0x6e 0 0x66 0x72 0 0) (local.get $text))
            (local.get $text)
            (local.get $control)))
        (br_if $single
          (i32.and (i8x16.bitmask (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0)))) (i32.const 0xff)))
        (local.set $bits (i32.and (i8x16.bitmask (local.get $special)) (i32.const 0xff)))
        (local.set $index (v128.load (i32.shl (local.get $bits) (i32.const 4))))
        (v128.store (local.get $to)
          (v128.or
            (i8x16.swizzle (local.get $text) (local.get $index))
            (v128.and
              (i8x16.gt_u (local.get $index) (i8x16.splat (i32.const 15)))
              (i8x16.splat (i32.const 0x5c)))))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $to (i32.add (local.get $to) (i32.add (i32.const 8) (i32.popcnt (local.get $bits)))))
        (br $next))
      ;; One byte is copied alone near the end, and where a long escape is near.
      (if (i32.lt_s (local.get $from) (local.get $end))
        (then
          (local.set $byte (i32.load8_u (local.get $from)))
          (local.set $letter (i32.load8_u offset=8448 (local.get $byte)))
          (local.set $from (i32.add (local.get $from) (i32.const 1)))
          (if (i32.eqz (local.get $letter))
            (then
              (i32.store8 (local.get $to) (local.get $byte))
              (local.set $to (i32.add (local.get $to) (i32.const 1)))
              (br $next)))
          (i32.store8 (local.get $to) (i32.const 0x5c))
          (i32.store8 offset=1 (local.get $to) (local.get $letter))
          (local.set $to (i32.add (local.get $to) (i32.const 2)))
          (br_if $next (i32.ne (local.get $letter) (i32.const 0x75)))
          ;; Two zeros, and two hex digits, of which the first is 0 or 1.
          (i32.store16 (local.get $to) (i32.const 0x3030))
          (i32.store8 offset=2 (local.get $to)
            (i32.add (i32.const 0x30) (i32.shr_u (local.get $byte) (i32.const 4))))
          (local.set $byte (i32.and (local.get $byte) (i32.const 15)))
          (i32.store8 offset=3 (local.get $to)
            (i32.add (local.get $byte)
              (select (i32.const 0x57) (i32.const 0x30) (i32.gt_u (local.get $byte) (i32.const 9)))))
          (local.set $to (i32.add (local.get $to) (i32.const 4)))
          (br $next))))
    (local.get $to))

  ;; Copies the source without escapes, up to `end` or to the first byte that is neither text nor a short escape. Returns
  ;; the offset behind the last byte of the source that was copied.
  (func (export "unescape") (param $end i32) (result i32)
    (local $from i32) (local $to i32) (local $byte i32) (local $bits i32) (local $slashes i32)
    (local $text v128) (local $slash v128) (local $special v128)
    (local.set $from (i32.const 16384))
    (local.set $to (i32.const 32784))
    (block $done
      (loop $next
        (block $single
          (br_if $single (i32.gt_s (local.get $from) (i32.sub (local.get $end) (i32.const 16))))
          (local.set $text (v128.load (local.get $from)))
          (local.set $slash (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x5c))))
          (local.set $special
            (v128.or (local.get $slash)
              (v128.or
                (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x22)))
                (i8x16.lt_u (local.get $text) (i8x16.splat (i32.const 0x20))))))
          (if (i32.eqz (v128.any_true (local.get $special)))
            (then
              (v128.store (local.get $to) (local.get $text))
              (local.set $from (i32.add (local.get $from) (i32.const 16)))
              (local.set $to (i32.add (local.get $to) (i32.const 16)))
              (br $next)))
          (local.set $slashes (i32.and (i8x16.bitmask (local.get $slash)) (i32.const 0xff)))
          (local.set $bits (i32.and (i8x16.bitmask (local.get $special)) (i32.const 0xff)))
          ;; A quote or a control character that does not stand behind a backslash is left to the single bytes, and so
          ;; are two backslashes in a row.
          (br_if $single
            (i32.or
              (i32.and (local.get $bits)
                (i32.xor (i32.or (local.get $slashes) (i32.shl (local.get $slashes) (i32.const 1))) (i32.const -1)))
              (i32.and (local.get $slashes) (i32.shl (local.get $slashes) (i32.const 1)))))
          ;; What the letters behind the backslashes mean takes their places. Each of the three tables has letters that
          ;; are less than 16 apart: b f n, r t, and the quote and the slash.
          (local.set $text
            (v128.bitselect
              (v128.or
                (i8x16.swizzle (v128.const i8x16 8 0 0 0 12 0 0 0 0 0 0 0 10 0 0 0)
                  (i8x16.sub (local.get $text) (i8x16.splat (i32.const 0x62))))
                (v128.or
                  (i8x16.swizzle (v128.const i8x16 13 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0)
                    (i8x16.sub (local.get $text) (i8x16.splat (i32.const 0x72))))
                  (i8x16.swizzle (v128.const i8x16 0x22 0 0 0 0 0 0 0 0 0 0 0 0 0x2f 0 0)
                    (i8x16.sub (local.get $text) (i8x16.splat (i32.const 0x22))))))
              (local.get $text)
              (i8x16.shuffle 16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 (local.get $slash) (v128.const i64x2 0 0))))
          (br_if $single
            (i32.and (i8x16.bitmask (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0)))) (i32.const 0xff)))
          ;; A backslash at the end of the eight bytes is left to the next ones.
          (local.set $from
            (i32.sub (i32.add (local.get $from) (i32.const 8)) (i32.shr_u (local.get $slashes) (i32.const 7))))
          (v128.store (local.get $to)
            (i8x16.swizzle (local.get $text)
              (v128.load offset=4096 (i32.shl (local.get $slashes) (i32.const 4)))))
          (local.set $to
            (i32.add (local.get $to) (i32.sub (i32.const 8) (i32.popcnt (local.get $slashes)))))
          (br $next))
        (br_if $done (i32.ge_s (local.get $from) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $from)))
        (if (i32.eqz (i32.load8_u offset=8448 (local.get $byte)))
          (then
            (i32.store8 (local.get $to) (local.get $byte))
            (local.set $from (i32.add (local.get $from) (i32.const 1)))
            (local.set $to (i32.add (local.get $to) (i32.const 1)))
            (br $next)))
        (br_if $done (i32.ne (local.get $byte) (i32.const 0x5c)))
        (br_if $done (i32.ge_s (i32.add (local.get $from) (i32.const 1)) (local.get $end)))
        (local.set $byte (i32.load8_u offset=8192 (i32.load8_u offset=1 (local.get $from))))
        (br_if $done (i32.eqz (local.get $byte)))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $from (i32.add (local.get $from) (i32.const 2)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $next)))
    (i32.store (i32.const 8704) (local.get $to))
    (local.get $from)))
