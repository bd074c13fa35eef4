import { isIP } from 'node:net';
import {
  Set as Asn1Set,
  type BaseBlock,
  fromBER,
  ObjectIdentifier,
  Primitive,
  Sequence,
  Utf8String,
} from 'asn1js';
import ipaddr from 'ipaddr.js';

// Building blocks of certificates (RFC 5280) and of requests for them (RFC 2986).

export const sequence = (...value: BaseBlock[]): Sequence => new Sequence({ value });

export const oid = (value: string): ObjectIdentifier => new ObjectIdentifier({ value });

/** One attribute of a distinguished name. */
export const relativeName = (type: string, value: string): Asn1Set =>
  new Asn1Set({ value: [sequence(oid(type), new Utf8String({ value }))] });

/** GeneralName with a DNS name (RFC 5280, 4.2.1.6). */
export const dnsName = (name: string): Primitive => context(2, Buffer.from(name, 'ascii'));

/** GeneralName with an address (RFC 5280, 4.2.1.6). Throws for what is no IP address. */
export function ipAddress(address: string): Primitive {
  if (isIP(address) === 0) throw new Error(`${address} is not an IP address`);
  return context(7, Uint8Array.from(ipaddr.parse(address).toByteArray()));
}

/** A primitive with the context's own tag. */
export const context = (tagNumber: number, content: Uint8Array): Primitive =>
  new Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: exact(content) });

/** What was encoded already. */
export const fromDer = (bytes: Uint8Array): BaseBlock => fromBER(exact(bytes)).result;

/** The bytes alone, without the pool that a Buffer may be part of: asn1js takes a buffer whole. */
export const exact = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;
