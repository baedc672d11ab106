export interface FieldMask { readonly placeholder: true }
