// Turns a row of a warehouse, with column names in snake case, back into an event.
// Source: https://segment.com/docs/connections/storage/warehouses/schema/ and
// https://www.rudderstack.com/docs/destinations/warehouse-destinations/warehouse-schema/

type Fields = Readonly<Record<string, unknown>>;

/** Columns that only a warehouse has. One of them identifies a row. */
const TELLING = [
  ...['user_id', 'anonymous_id', 'message_id', 'group_id', 'previous_id', 'event_text'],
  ...['received_at', 'original_timestamp'],
];

/** Columns whose field has another name. */
const RENAMED: Readonly<Record<string, string>> = {
  user_id: 'userId',
  anonymous_id: 'anonymousId',
  message_id: 'messageId',
  original_timestamp: 'originalTimestamp',
  received_at: 'receivedAt',
};

/** Columns whose field has the same name. */
const KEPT = [
  ...['type', 'timestamp', 'context', 'integrations', 'properties', 'traits'],
  // Some columns may have been renamed already.
  ...[
    'userId',
    'anonymousId',
    'messageId',
    'groupId',
    'previousId',
    'originalTimestamp',
    'receivedAt',
    'sentAt',
  ],
];

/** Columns that describe the first delivery or the table. */
const STAMPS = [
  ...[
    'sent_at',
    'uuid_ts',
    'uuid',
    'loaded_at',
    'rudder_id',
    'request_ip',
    'project_id',
    'write_key',
    'channel',
  ],
  ...['context_request_ip', 'context_passed_ip', 'context_source_id', 'context_source_type'],
  ...['context_destination_id', 'context_destination_type'],
];

/** Columns that are fields of these types, and properties or traits of all others. */
const OF_TYPES: Readonly<Record<string, readonly [field: string, ...types: string[]]>> = {
  event: ['event', 'track'],
  name: ['name', 'page', 'screen'],
  category: ['category', 'page', 'screen'],
  group_id: ['groupId', 'group'],
  previous_id: ['previousId', 'alias'],
};

/** Columns that belong to an object within the context. */
const OBJECTS_OF_CONTEXT =
  /^(app|campaign|device|library|location|network|os|page|referrer|screen|traits)_(.+)$/;

const CAMEL_CASE: Readonly<Record<string, string>> = {
  user_agent: 'userAgent',
  group_id: 'groupId',
  advertising_id: 'advertisingId',
  ad_tracking_enabled: 'adTrackingEnabled',
  session_id: 'sessionId',
  session_start: 'sessionStart',
};

/** The row as an event of that type. Returns it unchanged if it isn't from a warehouse. */
export function fromWarehouse(given: Fields, type: unknown): Fields {
  const row = inSmallLetters(given);
  if (!TELLING.some((name) => name in row)) return given;
  const event = new Map<string, unknown>();
  const context = new Map<string, unknown>();
  const rest = new Map<string, unknown>();
  for (const [name, value] of Object.entries(row)) {
    if (value === null || STAMPS.includes(name)) continue;
    const renamed = RENAMED[name] ?? (KEPT.includes(name) ? name : undefined);
    const [field, ...types] = OF_TYPES[name] ?? [];
    if (renamed !== undefined) event.set(renamed, value);
    else if (field !== undefined && types.includes(String(type))) event.set(field, value);
    else if (name.startsWith('context_')) addTo(context, name.slice('context_'.length), value);
    else if (name !== 'id' && name !== 'event_text') rest.set(name, value);
  }
  // The name as it was tracked. `event` has the name of the table.
  if (type === 'track' && row['event_text'] != null) event.set('event', row['event_text']);
  // The column for the messageId.
  if (!event.has('messageId') && row['id'] != null) event.set('messageId', row['id']);
  if (context.size > 0 && !event.has('context')) event.set('context', objectOf(context));
  const place = type === 'identify' || type === 'group' ? 'traits' : 'properties';
  const isFlat = !event.has('properties') && !event.has('traits');
  if (rest.size > 0 && isFlat && type !== 'alias') event.set(place, objectOf(rest));
  // If the properties have a column of their own, other columns stay fields, which the SDK refuses by name.
  else for (const [name, value] of rest) event.set(name, value);
  return objectOf(event);
}

/** Snowflake writes column names in capitals. */
function inSmallLetters(row: Fields): Fields {
  const names = Object.keys(row);
  if (names.some((name) => name !== name.toUpperCase())) return row;
  return Object.fromEntries(names.map((name) => [name.toLowerCase(), row[name]]));
}

function addTo(context: Map<string, unknown>, name: string, value: unknown): void {
  const [, object, inner = ''] = OBJECTS_OF_CONTEXT.exec(name) ?? [];
  if (object === undefined) {
    context.set(CAMEL_CASE[name] ?? name, value);
    return;
  }
  const found = context.get(object);
  const place = found instanceof Map ? found : new Map<string, unknown>();
  place.set(CAMEL_CASE[inner] ?? inner, value);
  context.set(object, place);
}

function objectOf(fields: Map<string, unknown>): Fields {
  return Object.fromEntries(
    [...fields].map(([name, value]) => [name, value instanceof Map ? objectOf(value) : value]),
  );
}
