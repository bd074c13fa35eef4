import { Answer } from '../../src/edge/lite-apiserver/http1/client-connection.ts';

/** An answer of the API server that has come as a whole. */
export function answerOf(status: number, body: string): Answer {
  const bytes = Buffer.from(body);
  const flow = { pause() {}, resume() {}, destroy() {} };
  const answer = new Answer(
    { status, message: '', headers: [], length: bytes.length, keepAlive: true },
    flow,
  );
  answer.receive(bytes);
  return answer;
}
