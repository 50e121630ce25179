import { serve } from 'drover/worker'

serve({ handle: (text: string, { signal }) => (signal.aborted ? '' : [...text].reverse().join('')) })
