export interface BoundMessage { readonly placeholder: true }
