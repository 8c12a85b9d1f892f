// Headers, body and reply of the open request.
import type { LiveBody, LiveContent } from '../src/live/content.js';
import { MASK } from '../src/live/secrets.js';
import { Folded } from './text.js';

/** Characters of a body, and of a header, that are shown at first. */
const BODY = 1_500;
const HEADER = 200;

export function RequestContent({ content, isOpen }: { content: LiveContent; isOpen: boolean }) {
  const { headers, body, reply } = content;
  return (
    <>
      <section class="part" aria-label="Headers">
        <h3>Headers</h3>
        <Headers headers={headers} />
      </section>
      <section class="part" aria-label="Body">
        <h3>Body</h3>
        <Body body={body} />
      </section>
      <section class="part" aria-label="Reply">
        <h3>Reply{reply !== null && ` ${reply.status}`}</h3>
        {reply === null ? (
          <p class="aside">{isOpen ? 'Not yet.' : 'No reply was recorded.'}</p>
        ) : (
          <>
            <Headers headers={reply.headers} />
            {reply.body !== null && (
              <pre>
                <Folded text={reply.body} most={BODY} />
              </pre>
            )}
          </>
        )}
      </section>
    </>
  );
}

function Headers({ headers }: Pick<LiveContent, 'headers'>) {
  return (
    <dl class="headers">
      {headers.map(({ name, value }, index) => (
        <div key={`${index} ${name}`}>
          <dt>{name}</dt>
          <dd>
            <Folded text={value} most={HEADER} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Body({ body }: { body: LiveBody }) {
  switch (body.type) {
    case 'text':
      return (
        <pre>
          <Folded text={body.pieces.join(MASK)} most={BODY} />
        </pre>
      );
    case 'binary':
      return <p class="aside">Not text: it is not UTF-8.</p>;
    case 'none':
      return <p class="aside">Not kept.</p>;
    default:
      return body satisfies never;
  }
}
