// The home page, rendered for each request. A component has no request, but the headers of one.
import { headers } from 'next/headers';
import { analytics } from '../lib/analytics';

export default async function Home() {
  analytics.of({ headers: await headers() }).page({ name: 'Home' });
  return <p>hello world</p>;
}
