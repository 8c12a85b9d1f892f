// One event: its warnings, its outcome, its fields as a tree, and ways to copy it.
import { useMemo, useState } from 'preact/hooks';
import type { Warning } from '../src/live/event-warnings.js';
import { codeOf, hasCall } from './code.js';
import { copy } from './copy.js';
import { parseExact, writeExact } from './exact.js';
import { bytes, clock } from './format.js';
import { eventToneOf, isRefusedForOne, outcomeOf, reasonOf } from './outcome.js';
import { Facts, Panel } from './panel.js';
import type { EventRow, RequestRow } from './row.js';
import { Folded, Line } from './text.js';
import { Tree } from './tree.js';
import { typeClass } from './type-class.js';
import { visible } from './visible.js';

interface Props {
  row: EventRow;
  close: () => void;
  say: (text: string) => void;
  showRequest: (request: RequestRow) => void;
}

export function Detail({ row, close, say, showRequest }: Props) {
  const { request, type, warnings, fault } = row;
  const event = useMemo(() => parseExact(row.text), [row]);
  const [copied, setCopied] = useState('');

  async function take(what: string, write: () => string): Promise<void> {
    try {
      await copy(visible(write()));
      setCopied(what);
      say(`Copied as ${what}`);
    } catch {
      setCopied('');
      say('That could not be copied');
    }
  }

  const reason = reasonOf(request);
  const isOther = fault === null && isRefusedForOne(request);
  return (
    <Panel
      title={row.name || '(no name)'}
      kicker={
        <span class={typeClass(type)}>
          <Line text={type} />
        </span>
      }
      close={close}
    >
      <Warnings label="Warnings" warnings={warnings.filter(({ level }) => level === 'problem')} />
      <Warnings label="Style" warnings={warnings.filter(({ level }) => level === 'style')} />
      {fault !== null && (
        <p class="refused">
          <b>Fault.</b> This event <Folded text={fault} most={300} />.
        </p>
      )}
      {reason !== null && (
        <p class="refused">
          <b>Not accepted.</b> {isOther && 'Another event of its request is wrong: '}
          <Folded text={reason} most={300} />
        </p>
      )}
      <Facts
        facts={[
          ['Received', clock(request.receivedMs)],
          ['Size', bytes(row.bytes)],
          [
            'Request',
            <button type="button" class="plain" key="request" onClick={() => showRequest(request)}>
              #{request.sequence}
            </button>,
          ],
          [
            'Result',
            <span class={eventToneOf(row)} key="result">
              {outcomeOf(request)}
            </span>,
          ],
        ]}
      />
      <div class="copies">
        <button type="button" onClick={() => void take('JSON', () => writeExact(event))}>
          {copied === 'JSON' ? 'Copied' : 'Copy as JSON'}
        </button>
        {hasCall(type) && (
          <button
            type="button"
            onClick={() => void take('code', () => codeOf(type, event as Record<string, unknown>))}
          >
            {copied === 'code' ? 'Copied' : 'Copy as code'}
          </button>
        )}
      </div>
      <Tree value={event} />
    </Panel>
  );
}

function Warnings({ label, warnings }: { label: 'Warnings' | 'Style'; warnings: Warning[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul class={label === 'Style' ? 'warnings quiet' : 'warnings'} aria-label={label}>
      {warnings.map(({ code, title, advice }) => (
        <li key={code}>
          <b>{title}.</b> {advice}
        </li>
      ))}
    </ul>
  );
}
