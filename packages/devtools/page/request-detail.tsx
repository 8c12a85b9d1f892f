// One request: its outcome, its content, and ways to send it again.
import { useEffect, useState } from 'preact/hooks';
import type { LiveContent } from '../src/live/content.js';
import { MASK } from '../src/live/secrets.js';
import { copy } from './copy.js';
import { curlOf } from './curl.js';
import { bytes, clock, count, duration, plural } from './format.js';
import { outcomeOf, reasonOf, toneOf } from './outcome.js';
import { Facts, Panel } from './panel.js';
import { RequestContent } from './request-content.js';
import type { RequestRow } from './row.js';
import { readContent, sendAgain } from './stream.js';
import { Folded } from './text.js';

interface Props {
  row: RequestRow;
  /** Base URL of the server. */
  url: string;
  close: () => void;
  say: (text: string) => void;
  showEvents: (request: RequestRow) => void;
}

export function RequestDetail({ row, url, close, say, showEvents }: Props) {
  const { sequence, state } = row;
  const [content, setContent] = useState<LiveContent | null>(null);
  const [problem, setProblem] = useState('');
  const [done, setDone] = useState('');

  useEffect(() => {
    let isCurrent = true;
    readContent(sequence).then(
      (read) => isCurrent && setContent(read),
      (error: unknown) => isCurrent && setProblem(`Nothing more is known of it: ${messageOf(error)}`),
    );
    return () => {
      isCurrent = false;
    };
    // The reply exists when the request has ended.
  }, [sequence, state]);

  async function act(what: string, doIt: () => Promise<void>): Promise<void> {
    try {
      await doIt();
      setDone(what);
      setProblem('');
      say(what);
    } catch (error) {
      setDone('');
      setProblem(`That did not work: ${messageOf(error)}`);
    }
  }

  const query = content?.query.join(MASK) ?? '';
  const reason = reasonOf(row);
  const unpacked = row.plainBytes === null || row.plainBytes === row.bodyBytes;
  return (
    <Panel
      title={`${row.method} ${row.path}${query}`}
      kicker={<span class="type">#{sequence}</span>}
      close={close}
    >
      {reason !== null && (
        <p class="refused">
          <b>Not accepted.</b> <Folded text={reason} most={300} />
        </p>
      )}
      <Facts
        facts={[
          ['Received', clock(row.receivedMs)],
          [
            'Result',
            <span class={toneOf(row)} key="result">
              {outcomeOf(row)}
            </span>,
          ],
          ['Connection', state],
          ['Latency', row.durationMs === null ? '…' : duration(row.durationMs)],
          ['Retry', row.retries === 0 ? 'first attempt' : count(row.retries)],
          ['Events', count(row.eventCount)],
          [
            'Size',
            unpacked
              ? bytes(row.bodyBytes)
              : `${bytes(row.bodyBytes)}, unpacked ${bytes(row.plainBytes ?? 0)}`,
          ],
          ['sentAt', row.sentAt === null ? '–' : clock(Date.parse(row.sentAt))],
        ]}
      />
      <div class="copies">
        <button
          type="button"
          disabled={content === null || content.body.type === 'binary'}
          onClick={() =>
            content !== null &&
            void act('Copied', () => copy(curlOf(row.method, `${url}${row.path}`, content)))
          }
        >
          {done === 'Copied' ? 'Copied' : 'Copy as curl'}
        </button>
        <button
          type="button"
          disabled={content === null || content.body.type === 'none'}
          onClick={() => void act('Sent again', () => sendAgain(sequence))}
        >
          Send again
        </button>
        {row.eventCount > 0 && (
          <button type="button" onClick={() => showEvents(row)}>
            Show its {plural(row.eventCount, 'event')}
          </button>
        )}
      </div>
      {problem !== '' && (
        <p class="refused" role="status">
          {problem}
        </p>
      )}
      {content !== null && <RequestContent content={content} isOpen={state === 'open'} />}
    </Panel>
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
