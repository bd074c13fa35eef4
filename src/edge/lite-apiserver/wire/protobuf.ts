/**
 * The little of protobuf that a TokenRequest needs: the kubelet posts it as `application/vnd.kubernetes.protobuf`.
 * Contract: k8s.io/apimachinery/pkg/runtime/serializer/protobuf (magic `k8s\0`, runtime.Unknown) and
 * k8s.io/api/authentication/v1/generated.proto.
 */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export interface TokenRequestSpec {
  audiences: string[];
  expirationSeconds: number | undefined;
  boundObjectRef: { kind: string; apiVersion: string; name: string; uid: string } | undefined;
}

type Field = { number: number; bytes: Buffer } | { number: number; value: number };

/** Spec of a TokenRequest in the Kubernetes protobuf envelope; undefined when it is not one. */
export function decodeTokenRequest(body: Buffer): TokenRequestSpec | undefined {
  try {
    if (!body.subarray(0, 4).equals(magic)) return undefined;
    const unknown = fields(body.subarray(4));
    const type = fields(bytesOf(unknown, 1) ?? Buffer.alloc(0));
    if (textOf(type, 2) !== 'TokenRequest') return undefined;
    const raw = fields(bytesOf(unknown, 2) ?? Buffer.alloc(0));
    const spec = fields(bytesOf(raw, 2) ?? Buffer.alloc(0));
    const bound = bytesOf(spec, 3);
    const reference = bound ? fields(bound) : undefined;
    return {
      audiences: spec.flatMap((field) =>
        field.number === 1 && 'bytes' in field ? [field.bytes.toString()] : [],
      ),
      expirationSeconds: numberOf(spec, 4),
      boundObjectRef: reference && {
        kind: textOf(reference, 1),
        apiVersion: textOf(reference, 2),
        name: textOf(reference, 3),
        uid: textOf(reference, 4),
      },
    };
  } catch {
    return undefined;
  }
}

function fields(message: Buffer): Field[] {
  const result: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined || scale > 2 ** 63) throw new RangeError('bad varint');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) result.push({ number, value: varint() });
    else if (wire === 2) {
      const size = varint();
      if (at + size > message.length) throw new RangeError('bad length');
      result.push({ number, bytes: message.subarray(at, at + size) });
      at += size;
    } else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else throw new RangeError('bad wire type');
  }
  return result;
}

function bytesOf(message: Field[], number: number): Buffer | undefined {
  const field = message.findLast((candidate) => candidate.number === number && 'bytes' in candidate);
  return field && 'bytes' in field ? field.bytes : undefined;
}

function textOf(message: Field[], number: number): string {
  return bytesOf(message, number)?.toString() ?? '';
}

function numberOf(message: Field[], number: number): number | undefined {
  const field = message.findLast((candidate) => candidate.number === number && 'value' in candidate);
  return field && 'value' in field ? field.value : undefined;
}
